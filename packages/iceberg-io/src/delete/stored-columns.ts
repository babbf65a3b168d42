import type { NestedField } from '@icebridge/iceberg-core'
import { type Data, Field, RecordBatch, Schema, Struct, makeData } from 'apache-arrow'

/** The batch with no more than these fields, matched by name at every depth of its structs; it shares the batch's memory. */
export function storedColumns(batch: RecordBatch, fields: readonly NestedField[]): RecordBatch {
  const type = new Struct(batch.schema.fields)
  const whole = makeData({ type, length: batch.numRows, nullCount: 0, children: [...batch.data.children] })
  const only = onlyFields(whole, fields)
  return only === whole ? batch : new RecordBatch(new Schema(only.type.children, batch.schema.metadata), only)
}

function onlyFields(data: Data<Struct>, fields: readonly NestedField[]): Data<Struct> {
  let changed = false
  const kept: { readonly field: Field; readonly data: Data }[] = []
  for (const [index, field] of data.type.children.entries()) {
    const wanted = fields.find(({ name }) => name === field.name)
    const child: Data | undefined = data.children[index]
    if (wanted === undefined || child === undefined) {
      changed = true
      continue
    }
    const { type } = wanted
    const only =
      typeof type !== 'string' && type.kind === 'struct' && isStruct(child) ? onlyFields(child, type.fields) : child
    if (only !== child) changed = true
    kept.push({
      field: only === child ? field : new Field(field.name, only.type, field.nullable, field.metadata),
      data: only,
    })
  }
  if (!changed) return data
  return data.clone(
    new Struct(kept.map(({ field }) => field)),
    data.offset,
    data.length,
    data.nullCount,
    data.buffers,
    kept.map((one) => one.data),
  )
}

function isStruct(data: Data): data is Data<Struct> {
  return data.type instanceof Struct
}
