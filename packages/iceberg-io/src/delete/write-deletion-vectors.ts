import {
  type DataFile,
  deletePositionColumn,
  type Environment,
  isDeletionVector,
  onlyDataFileOf,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { deletionVectorType, serializeDeletionVector } from '../puffin/deletion-vector.ts'
import { PuffinWriter } from '../puffin/puffin-writer.ts'
import type { MapPath } from '../read/data-rows.ts'
import { dataLocations } from '../write/data-locations.ts'
import { PositionDeletes } from './position-deletes.ts'
import { checkFormatVersion, gatherDeletes, type RowDeletes } from './row-deletes.ts'
import { SpillFile } from './spill-file.ts'

const memoryBytes = 64 * 1024 * 1024

/** Rows to delete from one data file that may have deletes already. */
export interface VectorDeletes extends RowDeletes {
  /** The delete files that apply to the data file now, as its scan task has them. */
  readonly previous?: readonly DataFile[] | undefined
}

export interface DeletionVectorOptions {
  readonly environment: Pick<Environment, 'uuid'>
  /** Put before the file's name. */
  readonly filePrefix?: string | undefined
  /** Where earlier delete files are now, for tables whose files have moved. */
  readonly mapPath?: MapPath | undefined
  readonly signal?: AbortSignal | undefined
}

/** What `rowDelta` commits: all in one snapshot. */
export interface WrittenVectors {
  /** One entry for each data file, all in one Puffin file. */
  readonly addDeletes: readonly DataFile[]
  /** Earlier vectors and position delete files that the new vectors have taken in and that serve no other data file. */
  readonly removeDeletes: readonly DataFile[]
}

/**
 * Writes deletion vectors for a table of format version 3 and commits nothing. A new vector holds what earlier vectors and
 * position delete files delete as well. When it fails, what it wrote is deleted.
 *
 * @throws IcebergIoError `invalid-argument` for a table of another version, or a position past its file's rows; as for
 * reading deletes; what the store raises.
 * @see https://iceberg.apache.org/spec/#deletion-vectors
 */
export async function writeDeletionVectors(
  table: TableHandle,
  deletes: Iterable<VectorDeletes>,
  options: DeletionVectorOptions,
): Promise<WrittenVectors> {
  checkFormatVersion(table, 'deletion vectors')
  const { mapPath, signal } = options
  const all = [...deletes]
  const gathered = gatherDeletes(all)
  const removeDeletes = new Map<string, DataFile>()
  await using spill = new SpillFile()
  const earlier = new PositionDeletes(table.io, { spill, memoryBytes, mapPath, signal })
  const previous = new Map<string, readonly DataFile[]>()
  for (const { file, previous: own = [] } of all) {
    previous.set(file.filePath, [...(previous.get(file.filePath) ?? []), ...own])
  }
  const addDeletes: DataFile[] = []
  if (gathered.length === 0) return { addDeletes, removeDeletes: [] }
  const name = `${options.filePrefix ?? ''}00000-0-${options.environment.uuid()}-deletes.puffin`
  const writer = await PuffinWriter.create(table.io, dataLocations(table.loaded.metadata)('', name), { signal })
  try {
    for (const { file, positions } of gathered) {
      signal?.throwIfAborted()
      const own = uniqueFiles(previous.get(file.filePath) ?? [])
      const before = await earlier.of({ file, deletes: own })
      if (before !== undefined) positions.addAll(before)
      for (const one of own) {
        if (onlyDataFileOf(one) === file.filePath) removeDeletes.set(keyOf(one), one)
      }
      const cardinality = positions.cardinality
      const { offset, length } = await writer.add({
        type: deletionVectorType,
        fields: [deletePositionColumn.id],
        snapshotId: -1n,
        sequenceNumber: -1n,
        properties: { 'referenced-data-file': file.filePath, cardinality: String(cardinality) },
        bytes: serializeDeletionVector(positions),
      })
      addDeletes.push({
        content: 'position-deletes',
        filePath: writer.path,
        fileFormat: 'puffin',
        specId: file.specId,
        partition: file.partition,
        recordCount: cardinality,
        fileSizeBytes: 0n,
        referencedDataFile: file.filePath,
        contentOffset: offset,
        contentSizeBytes: length,
      })
    }
    const { sizeBytes } = await writer.close()
    const whole = addDeletes.map((entry) => ({ ...entry, fileSizeBytes: BigInt(sizeBytes) }))
    return { addDeletes: whole, removeDeletes: [...removeDeletes.values()] }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

function uniqueFiles(files: readonly DataFile[]): readonly DataFile[] {
  return [...new Map(files.map((file) => [keyOf(file), file])).values()]
}

/** Vectors of one Puffin file are told apart by their place. */
function keyOf(file: DataFile): string {
  return isDeletionVector(file) ? `${file.filePath}@${file.contentOffset}` : file.filePath
}
