import {
  append,
  type AppendCommit,
  applyTransform,
  compareValues,
  type CreateTable,
  currentSchema,
  type DataFile,
  defaultSpec,
  findFieldById,
  openTable,
  type PartitionValue,
  planScan,
  type ScanOptions,
  type Schema,
  singleValueToBytes,
  type TableHandle,
  type PrimitiveType,
  type Value,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'

export const events: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'at', required: false, type: 'timestamptz' },
    { id: 3, name: 'name', required: false, type: 'string' },
    { id: 4, name: 'score', required: false, type: 'double' },
  ],
}

/** A catalog and a store in memory, with one table in it. */
export class Lake {
  readonly environment = new TestEnvironment()
  readonly io = new InMemoryFileIO()
  readonly catalog = new InMemoryCatalog({ io: this.io, environment: this.environment })
  readonly identifier = { namespace: ['db'], name: 'events' }

  static async create(create: Partial<CreateTable> = {}): Promise<Lake> {
    const lake = new Lake()
    await lake.catalog.createNamespace(['db'])
    await lake.catalog.createTable(lake.identifier, { schema: events, ...create })
    return lake
  }

  async table(): Promise<TableHandle> {
    return await openTable(this.catalog, this.identifier, this.io)
  }

  /** Appends and expects it to be committed. */
  async append(commit: AppendCommit): Promise<TableHandle> {
    const outcome = await append(await this.table(), commit, { environment: this.environment })
    if (outcome.status !== 'committed') throw new Error(`append: ${outcome.status}`)
    return outcome.table
  }

  async scan(options: ScanOptions = {}): Promise<string[]> {
    const paths: string[] = []
    for await (const task of planScan(await this.table(), options)) paths.push(task.file.filePath)
    return paths
  }

  metadataFiles(): string[] {
    return [...this.io.files.keys()].filter((path) => path.endsWith('.avro'))
  }
}

/** A data file that is not there, whose metrics say that it holds exactly these values of the columns. */
export function dataFile(
  table: TableHandle,
  path: string,
  rows: readonly Readonly<Record<string, Value | null>>[],
): DataFile {
  const { metadata } = table.loaded
  const schema = currentSchema(metadata)
  const spec = defaultSpec(metadata)
  const valueCounts = new Map<number, bigint>()
  const nullValueCounts = new Map<number, bigint>()
  const nanValueCounts = new Map<number, bigint>()
  const lowerBounds = new Map<number, Uint8Array>()
  const upperBounds = new Map<number, Uint8Array>()
  for (const field of schema.fields) {
    const type = field.type as PrimitiveType
    const values = rows.map((row) => row[field.name] ?? null)
    const present = values.filter((value): value is Value => value !== null && !Number.isNaN(value))
    valueCounts.set(field.id, BigInt(values.length))
    nullValueCounts.set(field.id, BigInt(values.filter((value) => value === null).length))
    if (type === 'double') nanValueCounts.set(field.id, BigInt(values.filter((value) => Number.isNaN(value)).length))
    const sorted = present.toSorted((a, b) => compareValues(type, a, b))
    if (sorted.length === 0) continue
    lowerBounds.set(field.id, singleValueToBytes(type, sorted[0]!))
    upperBounds.set(field.id, singleValueToBytes(type, sorted.at(-1)!))
  }
  const first = rows[0] ?? {}
  const partition: PartitionValue[] = spec.fields.map((field) => {
    const source = findFieldById(schema, field.sourceIds[0]!)!
    return applyTransform(field.transform, source.type, first[source.name] ?? null)
  })
  return {
    content: 'data',
    filePath: path,
    fileFormat: 'parquet',
    specId: spec.specId,
    partition,
    recordCount: BigInt(rows.length),
    fileSizeBytes: 1000n,
    valueCounts,
    nullValueCounts,
    nanValueCounts,
    lowerBounds,
    upperBounds,
  }
}
