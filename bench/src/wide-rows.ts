import { BatchBuilder, type ColumnField } from '@icebridge/columnar'
import type { Schema } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'

/** The shape of the append bench: eight columns, three of them with nulls. */
export const wideSchema: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    { id: 1, name: 'id', required: false, type: 'long' },
    { id: 2, name: 'quantity', required: false, type: 'int' },
    { id: 3, name: 'price', required: false, type: 'double' },
    { id: 4, name: 'amount', required: false, type: { kind: 'decimal', precision: 18, scale: 2 } },
    { id: 5, name: 'at', required: false, type: 'timestamp' },
    { id: 6, name: 'day', required: false, type: 'date' },
    { id: 7, name: 'reference', required: false, type: 'string' },
    { id: 8, name: 'status', required: false, type: 'string' },
  ],
}

const columns: readonly ColumnField[] = [
  { name: 'id', type: { kind: 'int64' }, nullable: true },
  { name: 'quantity', type: { kind: 'int32' }, nullable: true },
  { name: 'price', type: { kind: 'float64' }, nullable: true },
  { name: 'amount', type: { kind: 'decimal', precision: 18, scale: 2 }, nullable: true },
  { name: 'at', type: { kind: 'timestamp', utc: false }, nullable: true },
  { name: 'day', type: { kind: 'date' }, nullable: true },
  { name: 'reference', type: { kind: 'string' }, nullable: true },
  { name: 'status', type: { kind: 'string' }, nullable: true },
]

const statuses = ['new', 'paid', 'packed', 'shipped', 'delivered', 'returned', 'cancelled']

/** Batches of 65,536 rows: the same ones every time, but for the ids. */
export function wideBatches(rows: number, idOf: (row: number) => number = (row) => row): RecordBatch[] {
  const batches: RecordBatch[] = []
  const builder = new BatchBuilder(columns)
  const [id, quantity, price, amount, at, day, reference, status] = builder.columns
  let state = 1
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
  for (let row = 0; row < rows; row++) {
    if (id?.kind === 'int64') id.append(BigInt(idOf(row)))
    if (quantity?.kind === 'int32') {
      if (random(20) === 0) quantity.appendNull()
      else quantity.append(random(1000))
    }
    if (price?.kind === 'float64') price.append(random(1_000_000) / 100 + random(1000) / 7)
    if (amount?.kind === 'decimal') {
      if (random(10) === 0) amount.appendNull()
      else amount.append(BigInt(random(100_000_000)) * 7n)
    }
    if (at?.kind === 'timestamp')
      at.append(1_767_225_600_000_000n + BigInt(row) * 31_000_000n + BigInt(random(1_000_000)))
    if (day?.kind === 'date') day.append(20_454 + Math.floor(row / 2788))
    if (reference?.kind === 'string') reference.append(`R-${random(1_000_000_000).toString(36)}`)
    if (status?.kind === 'string') {
      if (random(50) === 0) status.appendNull()
      else status.append(statuses[random(statuses.length)] ?? '')
    }
    if (builder.rowCount === 65_536) batches.push(builder.finish())
  }
  if (builder.rowCount > 0) batches.push(builder.finish())
  return batches
}
