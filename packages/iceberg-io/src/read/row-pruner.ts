import {
  evaluate,
  rangeMightMatch,
  testValue,
  type BoundExpression,
  type ColumnTerm,
  type NestedField,
  type NestedValue,
  type PrimitiveType,
  type Test,
  type Value,
  type ValueRange,
} from '@icebridge/iceberg-core'
import type { ChunkStatistics, RowGroup } from '../parquet/metadata.ts'
import type { PageBounds, PageLocation } from '../parquet/page-index.ts'
import type { SchemaNode } from '../parquet/schema-tree.ts'
import { defaultOf } from './append-value.ts'
import type { FileColumn } from './file-columns.ts'
import { filterTerms } from './filter-terms.ts'
import { intersect, type RowRanges, unite } from './row-ranges.ts'
import { statisticOf } from './statistic.ts'

/** The page index of one leaf in one row group. */
export interface LeafIndex {
  readonly bounds: readonly PageBounds[]
  readonly pages: readonly PageLocation[]
}

/** What a filter tests: a leaf of the file, or a value that all rows have. */
type Tested = { readonly leaf: SchemaNode } | { readonly constant: Value | null }

/** Tells which rows of a file may pass a filter, by what its footer and page indexes say. */
export class RowPruner {
  readonly #filter: BoundExpression
  readonly #tested = new Map<number, Tested>()

  constructor(
    filter: BoundExpression,
    read: {
      readonly fields: readonly NestedField[]
      readonly columns: readonly (FileColumn | undefined)[]
      readonly constants: ReadonlyMap<number, NestedValue> | undefined
    },
  ) {
    this.#filter = filter
    this.#find(read.fields, read.columns, { constants: read.constants, nested: false })
  }

  /** The leaves whose page indexes can tell more. */
  get leaves(): readonly SchemaNode[] {
    const leaves = new Set<SchemaNode>()
    for (const term of filterTerms(this.#filter)) {
      const tested = this.#tested.get(term.fieldId)
      if (tested !== undefined && 'leaf' in tested) leaves.add(tested.leaf)
    }
    return [...leaves]
  }

  groupMightMatch(group: RowGroup): boolean {
    return evaluate(this.#filter, (test) => {
      const tested = this.#tested.get(test.term.fieldId)
      if (tested === undefined) return true
      if ('constant' in tested) return testValue(test, tested.constant)
      const chunk = group.chunks[tested.leaf.leaf ?? -1]
      if (chunk?.statistics === undefined) return true
      return rangeMightMatch(test, chunkRange(test, tested.leaf, chunk.statistics, chunk.valueCount))
    })
  }

  /** The rows of a group that may pass, by the page indexes of its leaves. */
  rows(rowCount: number, indexes: ReadonlyMap<SchemaNode, LeafIndex>): RowRanges {
    const all = [{ start: 0, end: rowCount }]
    const visit = (part: BoundExpression): RowRanges => {
      switch (part.op) {
        case 'true':
          return all
        case 'false':
          return []
        case 'and':
          return intersect(visit(part.left), visit(part.right))
        case 'or':
          return unite(visit(part.left), visit(part.right))
        default: {
          const tested = this.#tested.get(part.term.fieldId)
          const index = tested !== undefined && 'leaf' in tested ? indexes.get(tested.leaf) : undefined
          return index === undefined || tested === undefined || !('leaf' in tested)
            ? all
            : pagesThatMatch(part, tested.leaf, index, rowCount)
        }
      }
    }
    return visit(this.#filter)
  }

  #find(
    fields: readonly NestedField[],
    columns: readonly (FileColumn | undefined)[],
    place: { readonly constants: ReadonlyMap<number, NestedValue> | undefined; readonly nested: boolean },
  ): void {
    fields.forEach((field, index) => {
      const column = columns[index]
      if (column === undefined) {
        const known = place.constants?.get(field.id)
        const constant = known === undefined ? defaultOf(field) : known
        // Below a struct a default stands only where the struct is there.
        if (constant === null || (!place.nested && !isNested(constant))) this.#tested.set(field.id, { constant })
      } else if (column.kind === 'leaf' && column.node.maxRepetition === 0) {
        this.#tested.set(field.id, { leaf: column.node })
      } else if (column.kind === 'struct' && typeof field.type !== 'string' && field.type.kind === 'struct') {
        this.#find(field.type.fields, column.fields, { ...place, nested: true })
      }
    })
  }
}

function isNested(value: Exclude<NestedValue, null>): value is Exclude<NestedValue, Value | null> {
  return typeof value === 'object' && !(value instanceof Uint8Array)
}

function pagesThatMatch(
  test: Test<ColumnTerm>,
  leaf: SchemaNode,
  { bounds, pages }: LeafIndex,
  rowCount: number,
): RowRanges {
  return pages.reduce<RowRanges>((rows, page, at) => {
    const known = bounds[at]
    const end = pages[at + 1]?.firstRow ?? rowCount
    if (known !== undefined && !rangeMightMatch(test, pageRange(test, leaf, known, end - page.firstRow))) return rows
    return unite(rows, [{ start: page.firstRow, end }])
  }, [])
}

function chunkRange(
  test: Test<ColumnTerm>,
  leaf: SchemaNode,
  statistics: ChunkStatistics,
  valueCount: bigint,
): ValueRange {
  const { min, max, nullCount, deprecated } = statistics
  return rangeOf(test.term.type, {
    leaf,
    min,
    max,
    deprecated,
    nullCount,
    onlyNulls: nullCount === valueCount,
    rows: valueCount,
  })
}

function pageRange(test: Test<ColumnTerm>, leaf: SchemaNode, page: PageBounds, rows: number): ValueRange {
  const { min, max, nullCount, onlyNulls } = page
  return rangeOf(test.term.type, { leaf, min, max, deprecated: false, nullCount, onlyNulls, rows: BigInt(rows) })
}

function rangeOf(
  type: PrimitiveType,
  known: {
    readonly leaf: SchemaNode
    readonly min: Uint8Array | undefined
    readonly max: Uint8Array | undefined
    readonly deprecated: boolean
    readonly nullCount: bigint | undefined
    readonly onlyNulls: boolean
    readonly rows: bigint
  },
): ValueRange {
  const floating = type === 'float' || type === 'double'
  return {
    lower: statisticOf(type, known.min, known),
    upper: statisticOf(type, known.max, known),
    hasNulls: known.onlyNulls ? true : known.nullCount === undefined ? undefined : known.nullCount > 0n,
    onlyNulls: known.onlyNulls ? true : known.nullCount === undefined ? undefined : known.nullCount === known.rows,
    // Statistics do not count NaN.
    hasNaNs: floating ? undefined : false,
    onlyNaNs: floating ? undefined : false,
  }
}
