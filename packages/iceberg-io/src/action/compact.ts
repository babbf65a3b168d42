import {
  currentSchema,
  currentSnapshot,
  type DataFile,
  defaultSpec,
  type Expression,
  type FileScanTask,
  onlyDataFileOf,
  partitionKey,
  planScan,
  replaceFiles,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { positive } from '../write/file-settings.ts'
import { type ActionOutcome, actionOutcome } from './action-outcome.ts'
import { fileRows, lineageColumns } from './file-rows.ts'
import { type ActionOptions, RowChanges } from './row-changes.ts'

const DEFAULT_FILE_BYTES = 512 * 1024 * 1024
const DEFAULT_INPUT_FILES = 5
const DEFAULT_DELETE_RATIO = 0.3
/** Share of the target size below and above which a file is not well sized. */
const TOO_SMALL = 0.75
const TOO_LARGE = 1.8

export interface CompactOptions extends Omit<ActionOptions, 'isolation'> {
  /** Only files that may hold such rows; whole files are written anew. */
  readonly where?: Expression | undefined
  /** So many files of a partition are at least put together, by default 5; fewer when they fill a file. */
  readonly minInputFiles?: number | undefined
  /** A file of which this share of rows is deleted by position is written anew, by default 0.3. */
  readonly deleteRatio?: number | undefined
  /** A file with so many delete files is written anew; by default their number does not count. */
  readonly minDeleteFiles?: number | undefined
  /** Every file is written anew, well sized or not. */
  readonly all?: boolean | undefined
  /** Sorts each new file by the table's sort order. */
  readonly sort?: boolean | undefined
}

export interface CompactCounts {
  readonly filesAdded: number
  readonly filesRemoved: number
  readonly bytesAdded: bigint
  readonly bytesRemoved: bigint
  /** Rows that are in the new files. */
  readonly rows: number
}

/**
 * Puts the rows of small, oversized and much deleted data files into files of the target size, partition by partition, with
 * all deletes applied, in one snapshot of operation `replace`: the rows of the table stay the same, their lineage too. New
 * files keep the sequence number of the snapshot that was read, so that later equality deletes apply to them; deletes that
 * apply to nothing any more go along. Files of an earlier partition spec move to the current one.
 *
 * A conflict is a file that is gone and new deletes by position for one. Memory is bounded by a row group a partition.
 *
 * @throws IcebergIoError `invalid-argument` for an option out of range; as `replaceFiles` and the store do. What was written
 * is deleted then.
 */
export async function compact(table: TableHandle, options: CompactOptions): Promise<ActionOutcome<CompactCounts>> {
  const { signal } = options
  const { metadata } = table.loaded
  const settings = settingsOf(table, options)
  const groups = new Map<string, FileScanTask[]>()
  for await (const task of planScan(table, { filter: options.where, signal })) {
    const key = partitionKey(task.file)
    const group = groups.get(key) ?? []
    if (needsRewrite(task, settings)) group.push(task)
    groups.set(key, group)
  }
  const changes = new RowChanges(table, options)
  const columns = [...currentSchema(metadata).fields.map(({ name }) => name), ...lineageColumns(metadata)]
  let rows = 0
  try {
    for (const group of groups.values()) {
      if (!isWorthwhile(group, settings)) continue
      for await (const batch of fileRows(table, group, { columns, signal })) {
        await (await changes.writer()).write(batch)
        rows += batch.numRows
      }
      for (const { file } of group) changes.remove(file)
    }
    await changes.finish()
    const counts = {
      filesAdded: changes.added.length,
      filesRemoved: changes.removed.length,
      bytesAdded: bytesOf(changes.added),
      bytesRemoved: bytesOf(changes.removed),
      rows,
    }
    if (changes.isEmpty) return { status: 'unchanged', table, counts }
    const { summary, snapshotId, setProperties, properties, precondition } = options
    const outcome = await replaceFiles(
      table,
      {
        summary,
        snapshotId,
        setProperties,
        properties,
        precondition,
        add: changes.added,
        remove: changes.removed,
        dataSequenceNumber: currentSnapshot(metadata)?.sequenceNumber,
      },
      options,
    )
    return await actionOutcome(outcome, { table, files: changes.written, counts })
  } catch (error) {
    await changes.abort()
    throw error
  }
}

interface Settings {
  readonly targetBytes: number
  readonly minInputFiles: number
  readonly deleteRatio: number
  readonly minDeleteFiles: number
  readonly all: boolean
  readonly specId: number
}

function settingsOf(table: TableHandle, options: CompactOptions): Settings {
  const { metadata } = table.loaded
  return {
    targetBytes:
      positive('targetFileSizeBytes', options.targetFileSizeBytes) ??
      positive('write.target-file-size-bytes', metadata.properties['write.target-file-size-bytes']) ??
      DEFAULT_FILE_BYTES,
    minInputFiles: positive('minInputFiles', options.minInputFiles) ?? DEFAULT_INPUT_FILES,
    deleteRatio: options.deleteRatio ?? DEFAULT_DELETE_RATIO,
    minDeleteFiles: positive('minDeleteFiles', options.minDeleteFiles) ?? Infinity,
    all: options.all === true,
    specId: defaultSpec(metadata).specId,
  }
}

function needsRewrite(task: FileScanTask, settings: Settings): boolean {
  const size = Number(task.file.fileSizeBytes)
  return settings.all || size < settings.targetBytes * TOO_SMALL || mustRewrite(task, settings)
}

/** True for a file that is written anew even when it is the only one of its partition. */
function mustRewrite(task: FileScanTask, settings: Settings): boolean {
  const { file, deletes } = task
  if (settings.all || Number(file.fileSizeBytes) > settings.targetBytes * TOO_LARGE) return true
  if (file.specId !== settings.specId || deletes.length >= settings.minDeleteFiles) return true
  const deleted = deletes
    .filter((one) => one.content === 'position-deletes' && onlyDataFileOf(one) === file.filePath)
    .reduce((sum, one) => sum + one.recordCount, 0n)
  return file.recordCount > 0n && deleted > 0n && Number(deleted) / Number(file.recordCount) >= settings.deleteRatio
}

function isWorthwhile(group: readonly FileScanTask[], settings: Settings): boolean {
  if (group.some((task) => mustRewrite(task, settings))) return true
  if (group.length < 2) return false
  return (
    group.length >= settings.minInputFiles || Number(bytesOf(group.map(({ file }) => file))) >= settings.targetBytes
  )
}

function bytesOf(files: readonly DataFile[]): bigint {
  return files.reduce((sum, { fileSizeBytes }) => sum + fileSizeBytes, 0n)
}
