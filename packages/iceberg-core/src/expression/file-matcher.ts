import type { DataFile } from '../manifest/data-file.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { partitionTypes } from '../manifest/partition-type.ts'
import { currentSchema, specById, type TableMetadata } from '../metadata/table-metadata.ts'
import { type BoundExpression, bindExpression, type ColumnTerm } from './bind.ts'
import type { Expression } from './expression.ts'
import { manifestMightMatch, partitionMatches } from './manifest-evaluator.ts'
import { columnRange } from './metrics-evaluator.ts'
import { evaluate, type Test } from './predicate.ts'
import { projectStrict } from './project-strict.ts'
import { type PartitionPredicate, projectInclusive } from './project.ts'
import { rangeMightMatch } from './range.ts'
import { rangeMustMatch } from './strict-range.ts'

/** How many rows of a file pass a filter, as far as partition and metrics tell. */
export type FileMatch = 'none' | 'some' | 'all'

/** Holds a row filter against whole files. The filter is tied to the table's current schema. */
export class FileMatcher {
  readonly #metadata: TableMetadata
  readonly #filter: BoundExpression
  /** Columns at the top: metrics of nested ones do not count the rows whose struct is null in every writer's files. */
  readonly #topLevel: ReadonlySet<number>
  readonly #bySpec = new Map<number, SpecMatcher>()

  /** @throws IcebergError `no-such-column`, or `invalid-argument` for a literal that the column does not take. */
  constructor(metadata: TableMetadata, filter: Expression) {
    const schema = currentSchema(metadata)
    this.#metadata = metadata
    this.#filter = bindExpression(filter, schema)
    this.#topLevel = new Set(schema.fields.map((field) => field.id))
  }

  /** `none` and `all` are certain; `some` is also the answer when it cannot be told. */
  match(file: DataFile): FileMatch {
    const spec = this.#spec(file.specId)
    const mightMatch = evaluate(
      this.#filter,
      (test) => spec.mightMatch(test, file) && rangeMightMatch(test, columnRange(file, test.term)),
    )
    if (!mightMatch || file.recordCount === 0n) return 'none'
    const mustMatch = evaluate(this.#filter, (test) => spec.mustMatch(test, file) || this.#metricsMustMatch(test, file))
    return mustMatch ? 'all' : 'some'
  }

  /** False only when the file's partition shows that no row of it passes, whatever its metrics say. */
  partitionMightMatch(file: Pick<DataFile, 'specId' | 'partition'>): boolean {
    const spec = this.#spec(file.specId)
    return evaluate(this.#filter, (test) => spec.mightMatch(test, file))
  }

  /** True only when every row of the file's partition passes. */
  partitionMustMatch(file: Pick<DataFile, 'specId' | 'partition'>): boolean {
    const spec = this.#spec(file.specId)
    return evaluate(this.#filter, (test) => spec.mustMatch(test, file))
  }

  /** False only when the manifest's partition summaries show that none of its files has a row that passes. */
  manifestMightMatch(manifest: ManifestFile): boolean {
    return manifestMightMatch(this.#spec(manifest.specId).inclusive, manifest)
  }

  #metricsMustMatch(test: Test<ColumnTerm>, file: DataFile): boolean {
    const { fieldId } = test.term
    const counted = file.valueCounts?.get(fieldId)
    // A writer that did not see a value of every row knows nothing of the others.
    if (!this.#topLevel.has(fieldId) || (counted !== undefined && counted !== file.recordCount)) return false
    return rangeMustMatch(test, columnRange(file, test.term))
  }

  #spec(specId: number): SpecMatcher {
    let matcher = this.#bySpec.get(specId)
    if (matcher === undefined) {
      matcher = new SpecMatcher(this.#metadata, specId, this.#filter)
      this.#bySpec.set(specId, matcher)
    }
    return matcher
  }
}

type Partitioned = Pick<DataFile, 'partition'>

/** What the partitions of one spec tell, test by test. */
class SpecMatcher {
  readonly inclusive: PartitionPredicate
  readonly #project: (test: Test<ColumnTerm>) => Projected
  readonly #projected = new Map<Test<ColumnTerm>, Projected>()

  constructor(metadata: TableMetadata, specId: number, filter: BoundExpression) {
    const spec = specById(metadata, specId)
    const types = partitionTypes(metadata, spec)
    this.inclusive = projectInclusive(filter, spec, types)
    this.#project = (test) => ({
      inclusive: projectInclusive(test, spec, types),
      strict: projectStrict(test, spec, types),
    })
  }

  mightMatch(test: Test<ColumnTerm>, file: Partitioned): boolean {
    return partitionMatches(this.#of(test).inclusive, file.partition)
  }

  mustMatch(test: Test<ColumnTerm>, file: Partitioned): boolean {
    return partitionMatches(this.#of(test).strict, file.partition)
  }

  #of(test: Test<ColumnTerm>): Projected {
    let projected = this.#projected.get(test)
    if (projected === undefined) this.#projected.set(test, (projected = this.#project(test)))
    return projected
  }
}

interface Projected {
  readonly inclusive: PartitionPredicate
  readonly strict: PartitionPredicate
}
