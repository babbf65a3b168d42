import { type BoundExpression, bindExpression, type ColumnTerm } from '../expression/bind.ts'
import { alwaysTrue, type Expression } from '../expression/expression.ts'
import { manifestMightMatch, partitionMatches } from '../expression/manifest-evaluator.ts'
import { fileMightMatch } from '../expression/metrics-evaluator.ts'
import type { Predicate, Term } from '../expression/predicate.ts'
import { type PartitionPredicate, projectInclusive } from '../expression/project.ts'
import { residualFor, unbind } from '../expression/residual.ts'
import type { DataFile } from '../manifest/data-file.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { partitionTypes } from '../manifest/partition-type.ts'
import type { EntrySelection } from '../manifest/read-manifest.ts'
import { specById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { Schema } from '../schema/schema.ts'

/** A row filter made ready for the manifests and files of one table, whatever partition spec they follow. */
export class ScanFilter {
  readonly #metadata: TableMetadata
  readonly #bound: BoundExpression
  readonly #expression: Expression
  readonly #columns: ReadonlySet<number>
  readonly #projected = new Map<number, PartitionPredicate>()

  constructor(metadata: TableMetadata, schema: Schema, filter: Expression | undefined) {
    this.#metadata = metadata
    this.#bound = bindExpression(filter ?? alwaysTrue, schema)
    this.#expression = unbind(this.#bound)
    this.#columns = new Set(termsOf<ColumnTerm>(this.#bound).map(({ fieldId }) => fieldId))
  }

  mightMatchManifest(manifest: ManifestFile): boolean {
    return manifestMightMatch(this.#projection(manifest.specId), manifest)
  }

  /** Whether a partition of the spec may hold rows that pass; `undefined` when every one may. */
  partitionTest(specId: number): EntrySelection['partition'] {
    const projected = this.#projection(specId)
    return projected.op === 'true' ? undefined : (partition) => partitionMatches(projected, partition)
  }

  mightMatchFile(file: DataFile): boolean {
    if (this.#bound.op === 'true') return true
    return partitionMatches(this.#projection(file.specId), file.partition) && fileMightMatch(this.#bound, file)
  }

  /** The entries of files that may hold rows that pass. */
  selection(specId: number): EntrySelection {
    const bound = this.#bound
    if (bound.op === 'true') return {}
    return {
      partition: this.partitionTest(specId),
      metrics: { columns: this.#columns, test: (file) => fileMightMatch(bound, file) },
    }
  }

  residual(file: DataFile): Expression {
    if (this.#columns.size === 0 || !this.#settles(file.specId)) return this.#expression
    const residual = residualFor(this.#bound, specById(this.#metadata, file.specId), file.partition)
    return residual === this.#bound ? this.#expression : unbind(residual)
  }

  /** Whether identity partition values of the spec settle some test of the filter. */
  #settles(specId: number): boolean {
    return specById(this.#metadata, specId).fields.some(
      ({ transform, sourceIds }) => transform.kind === 'identity' && this.#columns.has(sourceIds[0] ?? -1),
    )
  }

  #projection(specId: number): PartitionPredicate {
    let projected = this.#projected.get(specId)
    if (projected === undefined) {
      const spec = specById(this.#metadata, specId)
      projected = projectInclusive(this.#bound, spec, partitionTypes(this.#metadata, spec))
      this.#projected.set(specId, projected)
    }
    return projected
  }
}

function termsOf<T extends Term>(predicate: Predicate<T>): readonly T[] {
  if (predicate.op === 'true' || predicate.op === 'false') return []
  if (predicate.op === 'and' || predicate.op === 'or') return [...termsOf(predicate.left), ...termsOf(predicate.right)]
  return [predicate.term]
}
