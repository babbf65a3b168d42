import {
  and,
  compareValues,
  type DataFile,
  decodeBounds,
  type Expression,
  gteq,
  isIn,
  lteq,
  type NestedField,
  type PrimitiveType,
  type Value,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { sourceValue } from '../write/source-column.ts'
import { viewsOf } from './columns.ts'

/** Up to so many distinct values a filter names each: it then prunes by every transform. */
const MAX_LISTED = 200

interface KeyColumn {
  readonly name: string
  readonly fieldId: number
  readonly type: PrimitiveType
  /** Distinct values, ascending. */
  readonly values: readonly Value[]
}

/** What is known of the keys of a set of rows, column by column: which files can hold one of them. */
export class KeyRanges {
  readonly #columns: readonly KeyColumn[]

  /** @param keys Primitive top-level columns, none of them with nulls in the batch. */
  constructor(batch: RecordBatch, keys: readonly NestedField[]) {
    const views = viewsOf(
      batch,
      keys.map(({ name }) => name),
    )
    this.#columns = keys.map(({ name, id, type }, index) => {
      const view = views[index]
      const primitive = type as PrimitiveType // as the caller promises
      const values: Value[] = []
      for (let row = 0; view !== undefined && row < batch.numRows; row++) {
        const value = sourceValue(view, row)
        if (value !== null) values.push(value)
      }
      values.sort((a, b) => compareValues(primitive, a, b))
      const distinct = values.filter(
        (value, at) => at === 0 || compareValues(primitive, value, values[at - 1] as Value) !== 0,
      )
      return { name, fieldId: id, type: primitive, values: distinct }
    })
  }

  /** A filter that every row with one of the keys passes. */
  get filter(): Expression {
    return and(
      ...this.#columns.map(({ name, values }) => {
        const [lowest] = values
        const highest = values.at(-1)
        if (lowest === undefined || highest === undefined) return and()
        return values.length <= MAX_LISTED ? isIn(name, values) : and(gteq(name, lowest), lteq(name, highest))
      }),
    )
  }

  /** False only when the file's bounds show that it holds none of the keys. */
  mightHold(file: DataFile): boolean {
    return this.#columns.every(({ fieldId, type, values }) => {
      const { lower, upper } = decodeBounds(type, file.lowerBounds?.get(fieldId), file.upperBounds?.get(fieldId))
      if (lower === undefined || upper === undefined) return true
      // The first value that is not below the file's may be within it, or none is.
      let low = 0
      let high = values.length
      while (low < high) {
        const middle = (low + high) >> 1
        const value = values[middle]
        if (value !== undefined && compareValues(type, value, lower) < 0) low = middle + 1
        else high = middle
      }
      const first = values[low]
      return first !== undefined && compareValues(type, first, upper) <= 0
    })
  }
}
