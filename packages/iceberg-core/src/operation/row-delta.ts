import { alwaysTrue } from '../expression/expression.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector, onlyDataFileOf } from '../manifest/delete-file.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { checkFileChange, noChange } from './file-change.ts'
import { FileChanges } from './file-changes.ts'
import type { ConflictValidation, SnapshotCommit, SnapshotOptions, SnapshotOutcome } from './snapshot-commit.ts'
import { branchHead, commitSnapshot } from './snapshot-committer.ts'
import { SnapshotConflicts } from './snapshot-conflicts.ts'

/** New rows, and deletes of rows that are in the table. */
export interface RowDeltaCommit extends SnapshotCommit {
  readonly add?: readonly DataFile[] | undefined
  /** Position and equality deletes; in format version 3, deletion vectors in place of position deletes. */
  readonly addDeletes?: readonly DataFile[] | undefined
  /** Data files that go as a whole. */
  readonly remove?: readonly DataFile[] | undefined
  /** Delete files that go: those whose deletes are in a new deletion vector. */
  readonly removeDeletes?: readonly DataFile[] | undefined
  /** The data files that rows are deleted from by position, where the delete files themselves do not say it. */
  readonly referencedDataFiles?: readonly DataFile[] | undefined
  readonly validation?: ConflictValidation | undefined
}

/**
 * Adds rows and deletes in one snapshot, of operation `overwrite`; `append` or `delete` when it does only one of both.
 *
 * A conflict is, since the snapshot that was read: a data file that is gone and rows are deleted from; a removed file
 * that is gone or has got new deletes; a second deletion vector for a data file. Where rows are added, new deletes for
 * the data files that rows are deleted from are one too: an updated row would come twice. With `serializable` isolation,
 * the default, so are new files, and where rows are added new deletes, with rows that pass the validation's filter.
 *
 * A deletion vector must take in what already deletes rows of its data file alone: an earlier vector, or a file of
 * position deletes for no other data file. That goes in the same commit, else it is a conflict.
 *
 * @throws IcebergError `invalid-argument` for files that do not fit the table or its format version,
 * `unsupported-format-version` for a table of version 1, and whatever store and catalog throw before a commit is sent.
 * @see https://iceberg.apache.org/spec/#row-level-deletes
 */
export async function rowDelta(
  table: TableHandle,
  commit: RowDeltaCommit,
  options: SnapshotOptions,
): Promise<SnapshotOutcome> {
  const {
    add = [],
    addDeletes = [],
    remove = [],
    removeDeletes = [],
    referencedDataFiles = [],
    validation = {},
  } = commit
  const change = { ...noChange, add, addDeletes, remove, removeDeletes }
  checkFileChange(table.loaded.metadata, change)
  const read = validation.filter ?? alwaysTrue
  const deletes = addDeletes.length > 0 || remove.length > 0
  const serializable = deletes && validation.isolation !== 'snapshot'
  const own = new Set(add.map((file) => file.filePath))
  const targets = addDeletes.flatMap((file) => {
    const path = onlyDataFileOf(file)
    // Deletes are in the partition of their data file.
    return path === undefined || own.has(path) ? [] : [{ ...file, content: 'data' as const, filePath: path }]
  })
  const referenced = [...targets, ...referencedDataFiles]
  const conflicts = new SnapshotConflicts({
    fromSnapshotId: validation.fromSnapshotId ?? branchHead(table.loaded.metadata, commit.branch)?.snapshotId,
    addedRows: serializable ? read : undefined,
    deletedRows: serializable && add.length > 0 ? read : undefined,
    required: new Set(referenced.map((file) => file.filePath)),
    untouched: add.length > 0 ? [...remove, ...referenced] : remove,
    vectors: new Set(addDeletes.filter(isDeletionVector).flatMap((file) => file.referencedDataFile ?? [])),
  })
  const removes = remove.length > 0 || removeDeletes.length > 0
  // To take deletes away brings rows back: that is neither an append nor a deletion.
  const operation = !deletes && !removes ? 'append' : deletes && add.length === 0 ? 'delete' : 'overwrite'
  return await commitSnapshot(table, commit, { ...options, producer: new FileChanges(operation, change, conflicts) })
}
