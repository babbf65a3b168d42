import { type ColumnBuilder, BatchBuilder } from '@icebridge/columnar'
import {
  type DataFile,
  deleteFilePathColumn,
  deletePositionColumn,
  type Environment,
  partitionKey,
  type Schema,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { columnFieldsOf } from '../column-fields.ts'
import { IcebergIoError } from '../errors.ts'
import { DataFileWriter } from '../write/data-file-writer.ts'
import { dataLocations } from '../write/data-locations.ts'
import { deleteDataFiles } from '../write/delete-data-files.ts'
import { type FileSettings, parquetSettings } from '../write/file-settings.ts'
import type { MetricsModes } from '../write/metrics.ts'
import { deleteProperties, partitionFolder } from './delete-files-settings.ts'
import type { PositionSet } from './position-set.ts'
import { checkFormatVersion, gatherDeletes, type RowDeletes } from './row-deletes.ts'

const batchRows = 16_384

const schema: Schema = { schemaId: 0, fields: [deleteFilePathColumn, deletePositionColumn], identifierFieldIds: [] }

/** Bounds are whole, so that readers find the data file in them. */
const metrics: MetricsModes = new Map(schema.fields.map(({ id }) => [id, { kind: 'full' }]))

export interface PositionDeleteOptions extends FileSettings {
  readonly environment: Pick<Environment, 'uuid'>
  /** One file for each data file, or for each partition. Default: `write.delete.granularity`, else partition. */
  readonly granularity?: 'file' | 'partition' | undefined
  /** Put before every file name. */
  readonly filePrefix?: string | undefined
  readonly signal?: AbortSignal | undefined
}

interface Deletes {
  readonly file: DataFile
  readonly positions: PositionSet
}

/**
 * Writes position delete files for a table of format version 2 and commits nothing: the entries are for `rowDelta`. Rows are
 * sorted by path and position. When it fails, what it wrote is deleted.
 *
 * @throws IcebergIoError `invalid-argument` for a table of another version, or a position past its file's rows; what the
 * store raises.
 * @see https://iceberg.apache.org/spec/#position-delete-files
 */
export async function writePositionDeletes(
  table: TableHandle,
  deletes: Iterable<RowDeletes>,
  options: PositionDeleteOptions,
): Promise<readonly DataFile[]> {
  checkFormatVersion(table, 'position deletes')
  const granularity = options.granularity ?? declaredGranularity(table.loaded.metadata.properties)
  const groups = Map.groupBy(gatherDeletes(deletes), ({ file }) =>
    granularity === 'file' ? file.filePath : partitionKey(file),
  )
  const uuid = options.environment.uuid()
  const written: DataFile[] = []
  try {
    for (const group of groups.values()) {
      const name = `${options.filePrefix ?? ''}00000-${written.length}-${uuid}-deletes.parquet`
      written.push(await writeFile(table, name, group, options))
    }
    return written
  } catch (error) {
    await deleteDataFiles(table.io, written)
    throw error
  }
}

async function writeFile(
  table: TableHandle,
  name: string,
  group: readonly Deletes[],
  options: PositionDeleteOptions,
): Promise<DataFile> {
  const { metadata } = table.loaded
  const [first] = group
  if (first === undefined) throw new TypeError('a group has a file')
  const { specId, partition } = first.file
  const path = dataLocations(metadata)(partitionFolder(metadata, first.file), name)
  const writer = await DataFileWriter.create(table.io, path, {
    ...parquetSettings(schema, deleteProperties(metadata.properties), options),
    schema,
    specId,
    partition,
    metrics,
    order: undefined,
    signal: options.signal,
  })
  try {
    const builder = new BatchBuilder(columnFieldsOf(schema))
    const [paths, positions] = builder.columns
    for (const { file, positions: deleted } of group) {
      for (const position of deleted) {
        append(paths, positions, file.filePath, position)
        if (builder.rowCount === batchRows) {
          options.signal?.throwIfAborted()
          await writer.write(builder.finish())
        }
      }
    }
    if (builder.rowCount > 0) await writer.write(builder.finish())
    const entry = await writer.close()
    const referenced = group.length === 1 ? { referencedDataFile: first.file.filePath } : {}
    return { ...entry, content: 'position-deletes', ...referenced }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

function append(
  paths: ColumnBuilder | undefined,
  positions: ColumnBuilder | undefined,
  path: string,
  position: bigint,
): void {
  if (paths?.kind !== 'string' || positions?.kind !== 'int64') throw new TypeError('a path and a position')
  paths.append(path)
  positions.append(position)
}

function declaredGranularity(properties: Readonly<Record<string, string>>): 'file' | 'partition' {
  const declared = properties['write.delete.granularity'] ?? 'partition'
  if (declared === 'file' || declared === 'partition') return declared
  throw new IcebergIoError('invalid-argument', `write.delete.granularity is ${declared}`, {
    context: { property: 'write.delete.granularity', value: declared },
    hint: 'Set it to file or partition.',
  })
}
