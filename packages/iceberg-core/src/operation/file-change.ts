import { IcebergError } from '../errors.ts'
import type { Expression } from '../expression/expression.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector, onlyDataFileOf } from '../manifest/delete-file.ts'
import { fileKey } from '../manifest/file-key.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'

/** The files that one snapshot adds to a table and removes from it. */
export interface FileChange {
  readonly add: readonly DataFile[]
  readonly addDeletes: readonly DataFile[]
  /** Data files that must be live. */
  readonly remove: readonly DataFile[]
  /** Delete files that must be live. */
  readonly removeDeletes: readonly DataFile[]
  /** Data files of which every row passes are removed too; one of which only some rows pass is an error. */
  readonly where?: Expression | undefined
  /** The data sequence number of {@link add}, when its content is older than the snapshot. */
  readonly dataSequenceNumber?: bigint | undefined
  /** Over `commit.manifest-merge.enabled`. */
  readonly merge?: boolean | undefined
}

/** A change that does nothing, to be spread into those that do something. */
export const noChange: FileChange = { add: [], addDeletes: [], remove: [], removeDeletes: [] }

/** @throws IcebergError `invalid-argument` naming a file that does not fit the table or the change. */
export function checkFileChange(metadata: TableMetadata, change: FileChange): void {
  checkFiles(metadata, change.add, 'data')
  checkFiles(metadata, change.remove, 'data')
  checkFiles(metadata, change.addDeletes, 'deletes')
  checkFiles(metadata, change.removeDeletes, 'deletes')
  const removed = new Set([...change.remove, ...change.removeDeletes].map(fileKey))
  for (const file of [...change.add, ...change.addDeletes]) {
    if (removed.has(fileKey(file))) throw badFile(file, 'is both added and removed')
  }
  checkAddedDeletes(metadata, change)
}

/** What a table of that format version does not take as a new delete file; `undefined` when it takes it. */
export function refusesDeletes(file: DataFile, formatVersion: number): string | undefined {
  if (file.content !== 'position-deletes') return undefined
  if (formatVersion < 3) {
    return isDeletionVector(file) ? 'is a deletion vector, which tables have from format version 3 on' : undefined
  }
  if (!isDeletionVector(file)) {
    return 'is a file of position deletes, which tables of format version 3 no longer take: write a deletion vector'
  }
  const whole = file.referencedDataFile !== undefined && file.contentOffset !== undefined
  return whole && file.contentSizeBytes !== undefined
    ? undefined
    : 'is a deletion vector without referencedDataFile, contentOffset or contentSizeBytes'
}

function checkFiles(metadata: TableMetadata, files: readonly DataFile[], content: 'data' | 'deletes'): void {
  const keys = new Set<string>()
  for (const file of files) {
    const spec = metadata.partitionSpecs.find((candidate) => candidate.specId === file.specId)
    if (spec === undefined) throw badFile(file, `follows partition spec ${file.specId}, which the table does not have`)
    if (file.partition.length !== spec.fields.length) {
      throw badFile(
        file,
        `has ${file.partition.length} partition values, spec ${file.specId} has ${spec.fields.length}`,
      )
    }
    if ((file.content === 'data') !== (content === 'data')) {
      throw badFile(file, content === 'data' ? 'is not a data file' : 'is not a delete file')
    }
    if (keys.has(fileKey(file))) throw badFile(file, 'is given twice')
    keys.add(fileKey(file))
  }
}

/** @see https://iceberg.apache.org/spec/#delete-formats */
function checkAddedDeletes(metadata: TableMetadata, change: FileChange): void {
  const removed = new Set(change.remove.map((file) => file.filePath))
  const vectors = new Set<string>()
  for (const file of change.addDeletes) {
    const refusal = refusesDeletes(file, metadata.formatVersion)
    if (refusal !== undefined) throw badFile(file, refusal)
    if (file.content === 'equality-deletes' && (file.equalityIds ?? []).length === 0) {
      throw badFile(file, 'is a file of equality deletes without equalityIds')
    }
    const target = onlyDataFileOf(file)
    if (target === undefined) continue
    if (removed.has(target)) throw badFile(file, `deletes rows of ${target}, which the same commit removes`)
    if (!isDeletionVector(file)) continue
    if (vectors.has(target)) throw badFile(file, `is the second deletion vector for ${target}`)
    vectors.add(target)
  }
}

function badFile(file: DataFile, what: string): IcebergError {
  return new IcebergError('invalid-argument', `file ${file.filePath} ${what}`, { context: { file: file.filePath } })
}
