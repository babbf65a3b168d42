import { BatchBuilder, takeRows } from '@icebridge/columnar'
import type { NestedField, NestedValue } from '@icebridge/iceberg-core'
import type { Data, RecordBatch } from 'apache-arrow'
import { columnFieldOf } from '../column-fields.ts'
import { IcebergIoError } from '../errors.ts'
import { appendValue } from './append-value.ts'

/** A column that a file does not have: every row holds the same. */
export class ConstantColumn {
  readonly #one: RecordBatch
  #last: Data | undefined

  /** @throws IcebergIoError `malformed-file` for a null in a required column. */
  constructor(field: NestedField, value: NestedValue, file: string) {
    checkAbsent(field, value, file)
    const builder = new BatchBuilder([{ ...columnFieldOf(field), nullable: true }], { initialRows: 1 })
    const [column] = builder.columns
    if (column === undefined) throw new TypeError('a builder for each field')
    appendValue(column, value, field.type)
    this.#one = builder.finish()
  }

  rows(count: number): Data {
    if (this.#last?.length !== count) this.#last = takeRows(this.#one, new Uint32Array(count)).data.children[0]
    if (this.#last === undefined) throw new TypeError('a batch of one column')
    return this.#last
  }
}

/** @throws IcebergIoError `malformed-file` for a required field that a file does not have, and that has no default. */
export function checkAbsent(field: NestedField, value: NestedValue, file: string): void {
  if (value !== null || !field.required || field.type === 'unknown') return
  throw new IcebergIoError(
    'malformed-file',
    `${file} has no column ${field.name}, which is required and has no default`,
    {
      context: { file, column: field.name, fieldId: field.id },
      hint: 'Make the column optional, or give it an initial default.',
    },
  )
}
