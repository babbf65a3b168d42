import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type ColumnField, MemoryPool } from '@icebridge/columnar'
import { LocalFileIO } from '@icebridge/fileio'
import type { PrimitiveType, Schema } from '@icebridge/iceberg-core'
import { writeParquet } from '@icebridge/iceberg-io'
import type { ReadQuery, SqlServer } from '@icebridge/sqlserver'
import type { Data, RecordBatch } from 'apache-arrow'

/** As a first load has them. */
const batchBytes = 2 * 1024 * 1024
const rowGroupBytes = 8 * 1024 * 1024
/** Batches that the worker may have before the reader waits. */
const AHEAD = 2

/** The buffers of one column of a batch. */
export interface SentColumn {
  readonly nullCount: number
  readonly validity: Uint8Array | undefined
  readonly offsets: Int32Array | undefined
  readonly values: ArrayBufferView
}

/** What the worker is given to write. */
export type ToWorker =
  | { readonly fields: readonly ColumnField[]; readonly schema: Schema; readonly path: string }
  | { readonly rows: number; readonly columns: readonly SentColumn[] }
  | 'end'

export type FromWorker = 'ready' | 'written' | { readonly rows: number }

export const writeOptions: { readonly rowGroupBytes: number } = { rowGroupBytes }

/** The rows of a query to a Parquet file, all on this thread but for the compression of large pages. */
export async function encodeHere(server: SqlServer, query: ReadQuery, folder: string): Promise<number> {
  const memory = new MemoryPool()
  async function* batches(): AsyncGenerator<RecordBatch> {
    for await (const batch of server.stream(query, { batchBytes, memory })) {
      yield batch
      memory.giveBackBatch(batch)
    }
  }
  const { rowCount } = await writeParquet(new LocalFileIO(), join(folder, 'here.parquet'), batches(), {
    schema: schemaOf(query),
    ...writeOptions,
  })
  return rowCount
}

/** A worker that waits for batches, so that its start is not measured. */
export async function startWorker(query: ReadQuery, folder: string): Promise<Worker> {
  const worker = new Worker(new URL('./encode-worker.ts', import.meta.url))
  const fields = query.columns.map(({ field }) => field)
  send(worker, { fields, schema: schemaOf(query), path: join(folder, 'worker.parquet') })
  await once(worker, 'message')
  return worker
}

/** The same with the file written in a worker, to which the memory of the batches goes. */
export async function encodeInWorker(server: SqlServer, query: ReadQuery, worker: Worker): Promise<number> {
  let ahead = 0
  let wake: (() => void) | undefined
  const done = new Promise<number>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('message', (message: FromWorker) => {
      if (typeof message === 'object') return resolve(message.rows)
      ahead -= 1
      wake?.()
    })
  })
  for await (const batch of server.stream(query, { batchBytes })) {
    while (ahead === AHEAD) await new Promise<void>((resolve) => (wake = resolve))
    ahead += 1
    const columns = batch.data.children.map(sent)
    send(worker, { rows: batch.numRows, columns }, columns.flatMap(buffers))
  }
  send(worker, 'end')
  return await done
}

function send(worker: Worker, message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
  worker.postMessage(message, [...new Set(transfer)])
}

function sent(data: Data): SentColumn {
  return {
    nullCount: data.nullCount,
    validity: data.nullCount === 0 ? undefined : data.nullBitmap,
    offsets: data.valueOffsets as Int32Array | undefined,
    values: data.values as ArrayBufferView,
  }
}

function buffers({ validity, offsets, values }: SentColumn): ArrayBuffer[] {
  return [validity, offsets, values].flatMap((view) => (view?.buffer instanceof ArrayBuffer ? view.buffer : []))
}

function schemaOf({ columns }: ReadQuery): Schema {
  const fields = columns.map(({ field }, at) => ({
    id: at + 1,
    name: field.name,
    type: icebergType(field),
    required: !field.nullable,
  }))
  return { schemaId: 0, fields, identifierFieldIds: [] }
}

function icebergType({ type }: ColumnField): PrimitiveType {
  switch (type.kind) {
    case 'int32':
      return 'int'
    case 'int64':
      return 'long'
    case 'float64':
      return 'double'
    case 'timestamp':
      return type.utc ? 'timestamptz' : 'timestamp'
    case 'decimal':
      return { kind: 'decimal', precision: type.precision, scale: type.scale }
    case 'boolean':
    case 'date':
    case 'string':
    case 'binary':
    case 'uuid':
      return type.kind
    default:
      throw new TypeError(`no shape has a column of kind ${type.kind}`)
  }
}
