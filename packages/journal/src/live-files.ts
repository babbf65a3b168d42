import {
  currentSchema,
  formatIdentifier,
  IcebergError,
  planScan,
  singleValueFromBytes,
  type DataFile,
  type FileScanTask,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { syncSeqId } from './bookkeeping-fields.ts'
import { SYNC_SEQ } from './names.ts'

/** A file with the range of its `_sync_seq`, both inclusive; undefined when its metrics do not say. */
export interface SequencedFile {
  readonly task: FileScanTask
  readonly range: { readonly from: bigint; readonly to: bigint } | undefined
}

/**
 * Files by the start of their range, those without one first.
 *
 * @throws {IcebergError} `unsupported-deletes` when somebody deleted rows of a file, so that its metrics count too many.
 */
export async function sequencedFiles(
  table: TableHandle,
  tasks: AsyncIterable<FileScanTask>,
): Promise<readonly SequencedFile[]> {
  const fieldId = currentSchema(table.loaded.metadata).fields.find(({ name }) => name === SYNC_SEQ)?.id ?? syncSeqId
  const files: SequencedFile[] = []
  for await (const task of tasks) {
    if (task.deletes.length > 0) throw rowsDeleted(table, task)
    files.push({ task, range: rangeOf(task.file, fieldId) })
  }
  return files.toSorted((a, b) => compare(a.range?.from ?? 0n, b.range?.from ?? 0n))
}

/** Highest `_sync_seq` of the current snapshot's files, 0 without any; undefined when the metrics of a file do not say. */
export async function highestLiveSequence(
  table: TableHandle,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<bigint | undefined> {
  let highest = 0n
  for (const { range } of await sequencedFiles(table, planScan(table, { signal: options.signal }))) {
    if (range === undefined) return undefined
    if (range.to > highest) highest = range.to
  }
  return highest
}

/**
 * How many rows above `position` the files hold, by their metrics alone; undefined when a file that lies across the position
 * does not hold consecutive numbers, as one that another engine wrote may.
 */
export function rowsAbove(files: readonly SequencedFile[], position: bigint): bigint | undefined {
  let rows = 0n
  for (const { task, range } of files) {
    const { recordCount } = task.file
    if (range === undefined) return undefined
    if (range.from > position) rows += recordCount
    else if (range.to > position) {
      if (range.to - range.from + 1n !== recordCount) return undefined
      rows += range.to - position
    }
  }
  return rows
}

function rowsDeleted(table: TableHandle, { file, deletes }: FileScanTask): IcebergError {
  const name = formatIdentifier(table.identifier)
  return new IcebergError('unsupported-deletes', `rows of ${file.filePath} in journal ${name} were deleted`, {
    context: { table: name, file: file.filePath, deleteFile: deletes[0]?.filePath },
    hint: 'A journal is append-only and has one writer. Roll it back to the snapshot before the deletes, or load it anew.',
  })
}

function rangeOf(file: DataFile, fieldId: number): SequencedFile['range'] {
  const from = longBound(file.lowerBounds?.get(fieldId))
  const to = longBound(file.upperBounds?.get(fieldId))
  return from === undefined || to === undefined ? undefined : { from, to }
}

function longBound(bytes: Uint8Array | undefined): bigint | undefined {
  const value = bytes === undefined ? undefined : singleValueFromBytes('long', bytes)
  return typeof value === 'bigint' ? value : undefined
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
