import { arrowSchema, columnView, type ColumnBuilder, type ColumnField } from '@icebridge/columnar'
import { makeData, RecordBatch, Struct } from 'apache-arrow'
import { formatDecimal } from './decimal-text.ts'

/** The value appended last, for a message: the builder is emptied by it. */
export function builtValue(field: ColumnField, builder: ColumnBuilder): unknown {
  const { length } = builder
  const schema = arrowSchema([field])
  const children = [builder.finish()]
  const batch = new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }))
  const view = columnView(batch, 0)
  const row = length - 1
  if (view.isNull(row)) return null
  switch (view.kind) {
    case 'decimal':
      return formatDecimal(view.value(row), view.scale)
    case 'uuid': {
      const hex = Buffer.from(view.value(row)).toString('hex').toUpperCase()
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
    }
    case 'struct':
    case 'list':
    case 'map':
    case 'null':
      return undefined
    default:
      return view.value(row)
  }
}
