import { alwaysTrue, type Expression } from '../expression/expression.ts'
import type { DataFile } from '../manifest/data-file.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { checkFileChange, noChange } from './file-change.ts'
import { FileChanges } from './file-changes.ts'
import type { ConflictValidation, SnapshotCommit, SnapshotOptions, SnapshotOutcome } from './snapshot-commit.ts'
import { branchHead, commitSnapshot } from './snapshot-committer.ts'
import { SnapshotConflicts } from './snapshot-conflicts.ts'

/** An overwrite: data files for data files. */
export interface OverwriteCommit extends SnapshotCommit {
  readonly add?: readonly DataFile[] | undefined
  /** Data files whose rows are in {@link add}, or gone: as they are in the snapshot that was read. */
  readonly remove?: readonly DataFile[] | undefined
  /** Data files of which every row passes are removed too. One of which only some rows may pass is an error. */
  readonly where?: Expression | undefined
  readonly validation?: ConflictValidation | undefined
}

/**
 * Replaces data files in one snapshot, of operation `overwrite`; `append` or `delete` when it does only one of both.
 *
 * A conflict is a removed file that is gone or has got new deletes since the snapshot that was read. With `where` also
 * new deletes in its partitions and removed files with its rows. With `serializable` isolation, the default, also new
 * files with rows that pass the validation's filter.
 *
 * @throws IcebergError `invalid-argument` for files that do not fit the table and for a file that passes `where` only
 * in part, `no-such-column`, `unsupported-format-version` for a table of version 1, and whatever store and catalog throw
 * before a commit is sent.
 */
export async function overwrite(
  table: TableHandle,
  commit: OverwriteCommit,
  options: SnapshotOptions,
): Promise<SnapshotOutcome> {
  const { add = [], remove = [], where, validation = {} } = commit
  const change = { ...noChange, add, remove, where }
  checkFileChange(table.loaded.metadata, change)
  const removes = remove.length > 0 || where !== undefined
  const read = validation.filter ?? (remove.length === 0 ? where : undefined) ?? alwaysTrue
  const affected = where === undefined ? undefined : (validation.filter ?? where)
  const conflicts = new SnapshotConflicts({
    fromSnapshotId: validation.fromSnapshotId ?? branchHead(table.loaded.metadata, commit.branch)?.snapshotId,
    addedRows: removes && validation.isolation !== 'snapshot' ? read : undefined,
    removedRows: affected,
    deletedRows: affected,
    untouched: remove,
  })
  const operation = !removes ? 'append' : add.length === 0 ? 'delete' : 'overwrite'
  return await commitSnapshot(table, commit, { ...options, producer: new FileChanges(operation, change, conflicts) })
}
