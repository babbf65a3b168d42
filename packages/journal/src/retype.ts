import { Field, Int64, makeData, RecordBatch, Schema, Struct, TimeMicrosecond, type Data } from 'apache-arrow'

/** Times since midnight as plain microseconds, for a journal that was made with `time: micros`. Buffers are shared. */
export function timesAsMicros(batch: RecordBatch, columns: ReadonlySet<string>): RecordBatch {
  return retype(batch, columns, (data) => makeData({ ...shared(data), type: new Int64() }))
}

/** The other way. */
export function microsAsTimes(batch: RecordBatch, columns: ReadonlySet<string>): RecordBatch {
  return retype(batch, columns, (data) => makeData({ ...shared(data), type: new TimeMicrosecond() }))
}

function retype(batch: RecordBatch, columns: ReadonlySet<string>, convert: (data: Data) => Data): RecordBatch {
  if (columns.size === 0 || !batch.schema.fields.some((field) => columns.has(field.name))) return batch
  const children = batch.data.children.map((child, index) => {
    const field = batch.schema.fields[index]
    return field !== undefined && columns.has(field.name) ? convert(child) : child
  })
  const fields = batch.schema.fields.map((field, index) => {
    const child = children[index]
    return child === undefined || !columns.has(field.name)
      ? field
      : new Field(field.name, child.type, field.nullable, field.metadata)
  })
  return new RecordBatch(
    new Schema(fields, batch.schema.metadata),
    makeData({ type: new Struct(fields), length: batch.numRows, nullCount: 0, children }),
  )
}

function shared(data: Data): {
  readonly offset: number
  readonly length: number
  readonly nullCount: number
  readonly nullBitmap: Uint8Array
  readonly data: BigInt64Array
} {
  return {
    offset: data.offset,
    length: data.length,
    nullCount: data.nullCount,
    nullBitmap: data.nullBitmap,
    // Both types are 64-bit integers in one buffer.
    data: data.values as BigInt64Array,
  }
}
