import {
  decimalByteLength,
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
import type { SplitBlocks } from '../parquet/split-blocks.ts'
import { XxHash64 } from '../parquet/xxhash64.ts'
import { statisticBytes } from '../write/statistics.ts'
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

  /** The leaves whose bloom filters can tell more: those that the filter compares with values. */
  get lookedUp(): readonly SchemaNode[] {
    const leaves = new Set<SchemaNode>()
    const visit = (part: BoundExpression): void => {
      if (part.op === 'and' || part.op === 'or') {
        visit(part.left)
        visit(part.right)
      } else if (part.op === 'eq' || part.op === 'in') {
        const tested = this.#tested.get(part.term.fieldId)
        if (tested !== undefined && 'leaf' in tested && hasPlainBytes(part.term.type, tested.leaf)) {
          leaves.add(tested.leaf)
        }
      }
    }
    visit(this.#filter)
    return [...leaves]
  }

  /** False when bloom filters show that no row of the group passes. */
  bloomsMightMatch(blooms: ReadonlyMap<SchemaNode, SplitBlocks>): boolean {
    return evaluate(this.#filter, (test) => {
      if (test.op !== 'eq' && test.op !== 'in') return true
      const tested = this.#tested.get(test.term.fieldId)
      const bloom = tested !== undefined && 'leaf' in tested ? blooms.get(tested.leaf) : undefined
      if (bloom === undefined) return true
      return ('values' in test ? test.values : [test.value]).some((value) => mightHold(bloom, test.term.type, value))
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

/** True when the leaf stores values of the type as icebridge does, so that the hash of a stored value is known. */
function hasPlainBytes(type: PrimitiveType, { physical, width, annotation }: SchemaNode): boolean {
  if (typeof type === 'object') {
    if (type.kind === 'fixed') return physical === 'FIXED_LEN_BYTE_ARRAY' && width === type.length
    if (type.kind !== 'decimal') return false
    if (type.precision <= 9) return physical === 'INT32'
    if (type.precision <= 18) return physical === 'INT64'
    return physical === 'FIXED_LEN_BYTE_ARRAY' && width === decimalByteLength(type.precision)
  }
  switch (type) {
    case 'int':
    case 'date':
      return physical === 'INT32'
    case 'long':
      return physical === 'INT64'
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return (
        physical === 'INT64' &&
        (annotation?.kind === 'time' || annotation?.kind === 'timestamp') &&
        annotation.unit === 'MICROS'
      )
    case 'string':
    case 'binary':
      return physical === 'BYTE_ARRAY'
    case 'uuid':
      return physical === 'FIXED_LEN_BYTE_ARRAY' && width === 16
    default:
      // Equal floats may differ in their bytes.
      return false
  }
}

function mightHold(bloom: SplitBlocks, type: PrimitiveType, value: Value): boolean {
  const bytes = statisticBytes(type, value)
  const hasher = new XxHash64(bytes)
  hasher.hash(0, bytes.length)
  return bloom.has(hasher.high, hasher.low)
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
