/** Writes the batches that it is sent to a Parquet file; the other side is {@link encodeInWorker}. */
import { parentPort } from 'node:worker_threads'
import { arrowSchema, type ColumnField } from '@icebridge/columnar'
import { LocalFileIO } from '@icebridge/fileio'
import { writeParquet } from '@icebridge/iceberg-io'
import { makeData, RecordBatch, type Schema as ArrowSchema, Struct } from 'apache-arrow'
import { type FromWorker, type SentColumn, type ToWorker, writeOptions } from './encode-legs.ts'

if (parentPort === null) throw new Error('this runs in a worker')
const port = parentPort
const waiting: ToWorker[] = []
let wake: (() => void) | undefined
port.on('message', (message: ToWorker) => {
  waiting.push(message)
  wake?.()
})

async function next(): Promise<ToWorker> {
  while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
  const message = waiting.shift()
  if (message === undefined) throw new Error('nothing was sent')
  return message
}

function tell(message: FromWorker): void {
  port.postMessage(message)
}

async function* batches(fields: readonly ColumnField[]): AsyncGenerator<RecordBatch> {
  const schema = arrowSchema(fields)
  for (;;) {
    const message = await next()
    if (message === 'end') return
    if (!('rows' in message)) throw new Error('a batch was expected')
    yield batchOf(schema, message.rows, message.columns)
    tell('written')
  }
}

function batchOf(schema: ArrowSchema, rows: number, columns: readonly SentColumn[]): RecordBatch {
  const children = columns.map(({ nullCount, validity, offsets, values }, at) =>
    makeData({
      type: schema.fields[at]?.type,
      length: rows,
      nullCount,
      nullBitmap: validity,
      valueOffsets: offsets,
      data: values,
    } as Parameters<typeof makeData>[0]),
  )
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }))
}

const start = await next()
if (start === 'end' || !('fields' in start)) throw new Error('a file was expected')
tell('ready')
const { rowCount } = await writeParquet(new LocalFileIO(), start.path, batches(start.fields), {
  schema: start.schema,
  ...writeOptions,
})
tell({ rows: rowCount })
port.close()
