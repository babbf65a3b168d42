import { type BoundExpression, bindExpression } from '../expression/bind.ts'
import { alwaysTrue, type Expression } from '../expression/expression.ts'
import { manifestMightMatch, partitionMatches } from '../expression/manifest-evaluator.ts'
import { fileMightMatch } from '../expression/metrics-evaluator.ts'
import { type PartitionPredicate, projectInclusive } from '../expression/project.ts'
import { residualFor, unbind } from '../expression/residual.ts'
import type { DataFile } from '../manifest/data-file.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { partitionTypes } from '../manifest/partition-type.ts'
import { specById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { Schema } from '../schema/schema.ts'

/** A row filter made ready for the manifests and files of one table, whatever partition spec they follow. */
export class ScanFilter {
  readonly #metadata: TableMetadata
  readonly #bound: BoundExpression
  readonly #expression: Expression
  readonly #projected = new Map<number, PartitionPredicate>()

  constructor(metadata: TableMetadata, schema: Schema, filter: Expression | undefined) {
    this.#metadata = metadata
    this.#bound = bindExpression(filter ?? alwaysTrue, schema)
    this.#expression = unbind(this.#bound)
  }

  mightMatchManifest(manifest: ManifestFile): boolean {
    return manifestMightMatch(this.#projection(manifest.specId), manifest)
  }

  /** Whether the file's partition may hold rows that pass, whatever its metrics say. */
  mightMatchPartition(file: DataFile): boolean {
    return this.#bound.op === 'true' || partitionMatches(this.#projection(file.specId), file.partition)
  }

  mightMatchFile(file: DataFile): boolean {
    return this.#bound.op === 'true' || (this.mightMatchPartition(file) && fileMightMatch(this.#bound, file))
  }

  residual(file: DataFile): Expression {
    if (this.#bound.op === 'true' || file.partition.length === 0) return this.#expression
    const residual = residualFor(this.#bound, specById(this.#metadata, file.specId), file.partition)
    return residual === this.#bound ? this.#expression : unbind(residual)
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
