import { batchOfRows, batchRows, type PlainValue } from '@icebridge/columnar/testing'
import {
  append,
  type DataFile,
  type NestedField,
  openTable,
  type PartitionField,
  type SortField,
  type TableHandle,
  type Transform,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, IcebergAppender, IcebergReader } from '@icebridge/iceberg-io'

export const environment = new TestEnvironment()

export interface Lake {
  readonly io: InMemoryFileIO
  readonly table: TableHandle
}

export interface LakeOptions {
  readonly partition?: readonly { readonly sourceId: number; readonly transform: Transform; readonly name: string }[]
  readonly sort?: readonly SortField[]
  readonly properties?: Record<string, string>
  readonly formatVersion?: 2 | 3
  readonly identifierFieldIds?: readonly number[]
}

/** A new table in memory. */
export async function lake(fields: readonly NestedField[], options: LakeOptions = {}): Promise<Lake> {
  const io = new InMemoryFileIO()
  const catalog = new InMemoryCatalog({ io, environment })
  const identifier = { namespace: ['n'], name: 't' }
  await catalog.createNamespace(identifier.namespace)
  const partition = (options.partition ?? []).map(({ sourceId, transform, name }, index): PartitionField => ({
    sourceIds: [sourceId],
    fieldId: 1000 + index,
    name,
    transform,
  }))
  await catalog.createTable(identifier, {
    schema: { schemaId: 0, fields, identifierFieldIds: options.identifierFieldIds ?? [] },
    partitionSpec: { specId: 0, fields: partition },
    ...(options.sort === undefined ? {} : { sortOrder: { orderId: 1, fields: options.sort } }),
    ...(options.properties === undefined ? {} : { properties: options.properties }),
    ...(options.formatVersion === undefined ? {} : { formatVersion: options.formatVersion }),
  })
  return { io, table: await openTable(catalog, identifier, io) }
}

export async function writeAll(
  table: TableHandle,
  batches: readonly (readonly PlainValue[][])[],
  options: Partial<Parameters<typeof IcebergAppender.open>[1]> = {},
): Promise<readonly DataFile[]> {
  const appender = await IcebergAppender.open(table, { environment, ...options })
  const columns = columnFieldsOf(appender.schema)
  for (const rows of batches) await appender.write(batchOfRows(columns, rows))
  return appender.finish()
}

export async function rowsOf(table: TableHandle): Promise<PlainValue[][]> {
  const rows: PlainValue[][] = []
  for await (const batch of new IcebergReader(table).scan()) rows.push(...batchRows(batch))
  return rows
}

export async function committed(table: TableHandle, files: readonly DataFile[]): Promise<TableHandle> {
  const outcome = await append(table, { files }, { environment })
  if (outcome.status !== 'committed') throw new Error(`the append is ${outcome.status}`)
  return outcome.table
}
