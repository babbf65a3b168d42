import { batchOfRows, batchRows, type PlainValue } from '@icebridge/columnar/testing'
import {
  append,
  type DataFile,
  type FileIO,
  type FileScanTask,
  type NestedField,
  openTable,
  type PartitionField,
  planScan,
  type TableHandle,
  type Transform,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, IcebergAppender, type AppenderOptions } from '@icebridge/iceberg-io'
import type { RecordBatch } from 'apache-arrow'

export const environment = new TestEnvironment()

/** A table in memory, partitioned as said, by column name. */
export async function newTable(
  fields: readonly NestedField[],
  options: {
    readonly partition?: Readonly<Record<string, Transform>>
    readonly properties?: Record<string, string>
    readonly formatVersion?: 2 | 3
    readonly io?: InMemoryFileIO
  } = {},
): Promise<TableHandle & { readonly io: InMemoryFileIO; readonly catalog: InMemoryCatalog }> {
  const io = options.io ?? new InMemoryFileIO()
  const catalog = new InMemoryCatalog({ io, environment })
  const identifier = { namespace: ['n'], name: 't' }
  await catalog.createNamespace(identifier.namespace)
  const partition = Object.entries(options.partition ?? {}).map(([source, transform], index): PartitionField => ({
    sourceIds: [fields.find((field) => field.name === source)!.id],
    fieldId: 1000 + index,
    name: transform.kind === 'identity' ? source : `${source}_${transform.kind}`,
    transform,
  }))
  await catalog.createTable(identifier, {
    schema: { schemaId: 0, fields, identifierFieldIds: [] },
    partitionSpec: { specId: 0, fields: partition },
    ...(options.properties === undefined ? {} : { properties: options.properties }),
    ...(options.formatVersion === undefined ? {} : { formatVersion: options.formatVersion }),
  })
  return { ...(await openTable(catalog, identifier, io)), io, catalog }
}

/** Data files with the rows, which belong to no snapshot. */
export async function dataFiles(
  table: TableHandle,
  rows: readonly (readonly PlainValue[])[],
  options: Partial<AppenderOptions> = {},
): Promise<readonly DataFile[]> {
  const appender = await IcebergAppender.open(table, { environment, ...options })
  await appender.write(batchOfRows(columnFieldsOf(appender.schema), rows))
  return appender.finish()
}

/** The table with the rows appended in one commit. */
export async function appended(
  table: TableHandle,
  rows: readonly (readonly PlainValue[])[],
  options: Partial<AppenderOptions> = {},
): Promise<TableHandle> {
  return committed(await append(table, { files: await dataFiles(table, rows, options) }, { environment }))
}

export function committed(outcome: { readonly status: string; readonly table?: TableHandle }): TableHandle {
  if (outcome.status !== 'committed' || outcome.table === undefined) throw new Error(`the commit is ${outcome.status}`)
  return outcome.table
}

/** The tasks of the current snapshot, with delete files put to each. */
export async function tasksWith(
  table: TableHandle,
  deletes: (file: DataFile) => readonly DataFile[],
): Promise<readonly FileScanTask[]> {
  const tasks: FileScanTask[] = []
  for await (const task of planScan(table)) tasks.push({ ...task, deletes: deletes(task.file) })
  return tasks
}

export async function rowsOf(batches: AsyncIterable<RecordBatch>): Promise<PlainValue[][]> {
  const rows: PlainValue[][] = []
  for await (const batch of batches) rows.push(...batchRows(batch))
  return rows
}

/** How often each file is read from. */
export function countReads(io: InMemoryFileIO): Map<string, number> {
  const reads = new Map<string, number>()
  const read: FileIO['read'] = io.read.bind(io)
  io.read = async (path, options) => {
    reads.set(path, (reads.get(path) ?? 0) + 1)
    return read(path, options)
  }
  return reads
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
