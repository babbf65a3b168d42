import {
  currentSchema,
  type DataFile,
  defaultSortOrder,
  defaultSpec,
  type Environment,
  indexById,
  type NestedField,
  type PartitionSpec,
  type PartitionValue,
  type Schema,
  type TableHandle,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import { type DataFileOptions, DataFileWriter } from '../write/data-file-writer.ts'
import { dataLocations } from '../write/data-locations.ts'
import { deleteDataFiles } from '../write/delete-data-files.ts'
import { type FileSettings, parquetSettings, positive } from '../write/file-settings.ts'
import { metricsModes } from '../write/metrics.ts'
import { Partitioner } from '../write/partitioner.ts'
import { canOrder, RowOrder } from '../write/row-order.ts'
import { sourceColumn } from '../write/source-column.ts'
import { deleteProperties, partitionFolder } from './delete-files-settings.ts'
import { type EqualityColumn, fieldsToRead, pathTo } from './equality-columns.ts'
import { checkFormatVersion } from './row-deletes.ts'
import { storedColumns } from './stored-columns.ts'

const defaultFileBytes = 64 * 1024 * 1024
const defaultOpenWriters = 8

export interface EqualityDeleteOptions extends FileSettings {
  readonly environment: Pick<Environment, 'uuid'>
  /** The columns that rows are compared by, as dotted paths. */
  readonly columns: readonly string[]
  /**
   * Deletes rows of all partitions: the files are written with an unpartitioned spec, which the table must have. Without
   * it a delete reaches the rows of its own partition of the default spec, and batches carry the columns that it is made of.
   */
  readonly global?: boolean | undefined
  /** Size at which a file ends, about. Default: `write.delete.target-file-size-bytes`, else 64 MiB. */
  readonly targetFileSizeBytes?: number | undefined
  /** Files open at a time, one a partition. Default 8. */
  readonly maxOpenWriters?: number | undefined
  /** Put before every file name. */
  readonly filePrefix?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes equality delete files for a table and commits nothing: `finish` gives the entries for `rowDelta`. One row deletes all
 * older rows that are equal in the columns compared; null equals null.
 *
 * One call at a time. After an error only `abort` is of use; it deletes every file written.
 *
 * @see https://iceberg.apache.org/spec/#equality-delete-files
 */
export class EqualityDeleteWriter {
  /** What is stored: batches carry its columns by name, in any order, with others or without. */
  readonly schema: Schema
  readonly #table: TableHandle
  readonly #spec: PartitionSpec
  readonly #partitioner: Partitioner
  readonly #equalityIds: readonly number[]
  readonly #fileOptions: Omit<DataFileOptions, 'partition'>
  readonly #settings: {
    readonly fileBytes: number
    readonly open: number
    readonly uuid: string
    readonly prefix: string
  }
  readonly #writers = new Map<string, DataFileWriter>()
  readonly #files: DataFile[] = []
  #created = 0
  #state: 'open' | 'failed' | 'finished' | 'aborted' = 'open'

  /**
   * @throws IcebergIoError `invalid-argument` for columns that are unknown, repeated, nested in lists or maps, or floating, for
   * no column, and for `global` without an unpartitioned spec.
   */
  constructor(table: TableHandle, options: EqualityDeleteOptions) {
    checkFormatVersion(table, 'equality deletes')
    const { metadata } = table.loaded
    const properties = deleteProperties(metadata.properties)
    const current = currentSchema(metadata)
    const columns = equalityPaths(current, options.columns)
    this.schema = {
      schemaId: current.schemaId,
      fields: asDeclared(current, fieldsToRead(columns)),
      identifierFieldIds: [],
    }
    this.#table = table
    this.#spec = options.global === true ? unpartitionedSpec(metadata) : defaultSpec(metadata)
    this.#partitioner = new Partitioner(current, this.#spec)
    this.#equalityIds = columns.map((column) => column.at(-1)?.id ?? 0)
    const sortOrder = defaultSortOrder(metadata)
    this.#fileOptions = {
      ...parquetSettings(this.schema, properties, options),
      schema: this.schema,
      specId: this.#spec.specId,
      metrics: metricsModes(this.schema, properties),
      order: canOrder(this.schema, sortOrder) ? new RowOrder(this.schema, sortOrder) : undefined,
      signal: options.signal,
    }
    this.#settings = {
      fileBytes:
        positive('targetFileSizeBytes', options.targetFileSizeBytes) ??
        positive('write.delete.target-file-size-bytes', properties['write.delete.target-file-size-bytes']) ??
        defaultFileBytes,
      open: positive('maxOpenWriters', options.maxOpenWriters) ?? defaultOpenWriters,
      uuid: options.environment.uuid(),
      prefix: `${options.filePrefix ?? ''}00000`,
    }
  }

  /** @throws IcebergIoError `schema-mismatch` naming the column; what the store raises. */
  async write(batch: RecordBatch): Promise<void> {
    await this.#step(async () => {
      this.#checkSources(batch)
      const parts = this.#spec.fields.length === 0 ? [{ key: '', values: [], batch }] : this.#partitioner.split(batch)
      for (const { key, values, batch: rows } of parts) {
        if (rows.numRows === 0) continue
        const writer = await this.#writerFor(key, values)
        await writer.write(storedColumns(rows, this.schema.fields))
        if (writer.estimatedBytes >= this.#settings.fileBytes) await this.#close(key)
      }
    })
  }

  /** Ends all files. They are whole and durable when this resolves, and belong to no snapshot yet. */
  async finish(): Promise<readonly DataFile[]> {
    return this.#step(async () => {
      for (const key of this.#writers.keys()) await this.#close(key)
      this.#state = 'finished'
      return this.#files
    })
  }

  /** Deletes every file written, finished ones too. May be called at any time, and more than once. */
  async abort(): Promise<void> {
    if (this.#state === 'aborted') return
    this.#state = 'aborted'
    const open = [...this.#writers.values()]
    this.#writers.clear()
    const aborted = await Promise.allSettled(open.map((writer) => writer.abort()))
    await deleteDataFiles(this.#table.io, this.#files)
    const failure = aborted.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  /** Aborts unless finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== 'finished') await this.abort()
  }

  async #step<T>(run: () => Promise<T>): Promise<T> {
    if (this.#state !== 'open') {
      throw new IcebergIoError('closed', `the writer has ${this.#state}`, {
        hint: 'Make another writer; after a failure abort this one first.',
      })
    }
    try {
      this.#fileOptions.signal?.throwIfAborted()
      return await run()
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }

  /** A batch without a partition's source would go to the partition of null, and delete nothing. */
  #checkSources(batch: RecordBatch): void {
    const { fields } = currentSchema(this.#table.loaded.metadata)
    for (const { name, sourceIds, transform } of this.#spec.fields) {
      if (transform.kind === 'void') continue
      const [column] = sourceColumn({ fields }, sourceIds[0] ?? -1)?.names ?? []
      if (column === undefined || batch.schema.fields.some((field) => field.name === column)) continue
      throw new IcebergIoError('schema-mismatch', `column ${column}, which partitions the table, is not in the batch`, {
        context: { column, partitionField: name },
        hint: 'Add the column to the batch, or write global deletes.',
      })
    }
  }

  async #writerFor(key: string, partition: readonly PartitionValue[]): Promise<DataFileWriter> {
    let writer = this.#writers.get(key)
    if (writer === undefined) {
      const [oldest] = this.#writers.keys()
      if (oldest !== undefined && this.#writers.size >= this.#settings.open) await this.#close(oldest)
      const { metadata } = this.#table.loaded
      const folder = partitionFolder(metadata, { specId: this.#spec.specId, partition })
      const name = `${this.#settings.prefix}-${this.#created++}-${this.#settings.uuid}-deletes.parquet`
      const path = dataLocations(metadata)(folder, name)
      writer = await DataFileWriter.create(this.#table.io, path, { ...this.#fileOptions, partition })
    } else {
      this.#writers.delete(key)
    }
    this.#writers.set(key, writer)
    return writer
  }

  async #close(key: string): Promise<void> {
    const writer = this.#writers.get(key)
    if (writer === undefined) return
    const entry = await writer.close()
    this.#files.push({ ...entry, content: 'equality-deletes', equalityIds: this.#equalityIds })
    this.#writers.delete(key)
  }
}

/** @see https://iceberg.apache.org/spec/#identifier-field-ids */
function equalityPaths(schema: Schema, paths: readonly string[]): readonly EqualityColumn[] {
  if (paths.length === 0) throw refused('', 'equality deletes compare by at least one column')
  const byId = indexById(schema)
  const located = paths.map((path) => {
    const found = [...byId.values()].find((candidate) => candidate.path === path)
    if (found === undefined) throw refused(path, `the table has no column ${path}`)
    const { type } = found.field
    if (
      found.repeated ||
      (typeof type === 'object' && (type.kind === 'struct' || type.kind === 'list' || type.kind === 'map'))
    ) {
      throw refused(path, `${path} is no primitive column outside lists and maps, and rows are not compared by it`)
    }
    if (type === 'float' || type === 'double')
      throw refused(path, `${path} is floating, and rows are not compared by it`)
    return found.field
  })
  const ids = located.map(({ id }) => id)
  if (new Set(ids).size < ids.length) throw refused(paths.join(), 'a column is named twice')
  return ids.map((id) => {
    const path = pathTo(schema.fields, id)
    if (path === undefined) throw new TypeError(`field ${id} has a path`)
    return path
  })
}

/** Columns as required as the table declares them. */
function asDeclared(schema: Schema, fields: readonly NestedField[]): readonly NestedField[] {
  return fields.map((field) => ({
    ...field,
    required: schema.fields.find(({ id }) => id === field.id)?.required ?? false,
  }))
}

function unpartitionedSpec(metadata: TableMetadata): PartitionSpec {
  const spec = metadata.partitionSpecs.find(({ fields }) => fields.every(({ transform }) => transform.kind === 'void'))
  if (spec !== undefined) return spec
  throw new IcebergIoError('invalid-argument', 'global deletes need an unpartitioned spec, and the table has none', {
    context: { table: metadata.location },
    hint: 'Write the deletes by partition.',
  })
}

function refused(column: string, what: string): IcebergIoError {
  return new IcebergIoError('invalid-argument', what, { context: { column } })
}
