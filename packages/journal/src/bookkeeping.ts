import {
  Field,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimestampMicrosecond,
  Utf8,
  type Data,
} from 'apache-arrow'
import { SYNC_AT, SYNC_BATCH, SYNC_OP, SYNC_SEQ, type SyncOp } from './names.ts'

/** What is the same for every row of one journal batch. */
export interface Bookkeeping {
  readonly atMicros: bigint
  readonly batchId: string
}

/**
 * Puts the bookkeeping columns before those of batches, whose buffers are shared, not copied. What is the same in every row is made
 * once, for the longest of the batches so far.
 */
export class Bookkeeper {
  readonly #values: Bookkeeping
  #rows = 0
  #at: Data | undefined
  #batch: Data | undefined
  readonly #ops = new Map<SyncOp, Data>()

  constructor(values: Bookkeeping) {
    this.#values = values
  }

  /** @param options `fromSequence`: the first row's number. `op` `column`: the batch brings the operation of each row itself. */
  add(batch: RecordBatch, options: { readonly fromSequence: bigint; readonly op: SyncOp | 'column' }): RecordBatch {
    const rows = batch.numRows
    if (rows > this.#rows) this.#begin(rows)
    const fields: Field[] = []
    const children: Data[] = []
    const add = (name: string, data: Data): void => {
      fields.push(new Field(name, data.type, false))
      children.push(data.length === rows ? data : data.slice(0, rows))
    }
    add(SYNC_SEQ, sequenceData(options.fromSequence, rows))
    if (options.op !== 'column') add(SYNC_OP, this.#op(options.op))
    add(SYNC_AT, (this.#at ??= constantTimestamp(this.#values.atMicros, this.#rows)))
    add(SYNC_BATCH, (this.#batch ??= constantText(this.#values.batchId, this.#rows)))
    fields.push(...batch.schema.fields)
    children.push(...batch.data.children)
    return new RecordBatch(
      new Schema(fields),
      makeData({ type: new Struct(fields), length: rows, nullCount: 0, children }),
    )
  }

  #begin(rows: number): void {
    this.#rows = rows
    this.#at = undefined
    this.#batch = undefined
    this.#ops.clear()
  }

  #op(op: SyncOp): Data {
    let data = this.#ops.get(op)
    if (data === undefined) this.#ops.set(op, (data = constantText(op, this.#rows)))
    return data
  }
}

function sequenceData(from: bigint, rows: number): Data<Int64> {
  const data = new BigInt64Array(rows)
  const last = from + BigInt(rows)
  if (from >= 0n && last <= BigInt(Number.MAX_SAFE_INTEGER)) {
    // Halves of numbers: a bigint for each row would be garbage.
    const halves = new Int32Array(data.buffer)
    let next = Number(from)
    for (let at = 0; at < halves.length; at += 2) {
      halves[at] = next
      halves[at + 1] = Math.floor(next / 0x1_0000_0000)
      next += 1
    }
  } else {
    let next = from
    for (let row = 0; row < rows; row += 1) data[row] = next++
  }
  return makeData({ type: new Int64(), length: rows, nullCount: 0, data })
}

function constantTimestamp(micros: bigint, rows: number): Data<TimestampMicrosecond> {
  return makeData({
    type: new TimestampMicrosecond('UTC'),
    length: rows,
    nullCount: 0,
    data: new BigInt64Array(rows).fill(micros),
  })
}

/** The same text in every row. */
function constantText(text: string, rows: number): Data<Utf8> {
  const bytes = new TextEncoder().encode(text)
  const { length } = bytes
  const data = new Uint8Array(length * rows)
  data.set(bytes.subarray(0, data.length))
  for (let filled = length; filled < data.length && filled > 0; filled *= 2) data.copyWithin(filled, 0, filled)
  const valueOffsets = new Int32Array(rows + 1)
  for (let row = 1; row <= rows; row += 1) valueOffsets[row] = row * length
  return makeData({ type: new Utf8(), length: rows, nullCount: 0, valueOffsets, data })
}
