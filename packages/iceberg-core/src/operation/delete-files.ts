import type { Expression } from '../expression/expression.ts'
import type { DataFile } from '../manifest/data-file.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { checkFileChange, noChange } from './file-change.ts'
import { FileChanges } from './file-changes.ts'
import type { SnapshotCommit, SnapshotOptions, SnapshotOutcome } from './snapshot-commit.ts'
import { commitSnapshot } from './snapshot-committer.ts'

/** A deletion of whole data files. */
export interface DeleteFilesCommit extends SnapshotCommit {
  readonly remove?: readonly DataFile[] | undefined
  /** Data files of which every row passes are removed. One of which only some rows may pass is an error that names it. */
  readonly where?: Expression | undefined
}

/**
 * Removes data files in one snapshot of operation `delete`. `where` is held against the refreshed head, so that files
 * which others have added meanwhile are removed too.
 *
 * A conflict is only a file of `remove` that is not there any more.
 *
 * @throws IcebergError `invalid-argument` for files that do not fit the table and for a file that passes `where` only
 * in part, `no-such-column`, `unsupported-format-version` for a table of version 1, and whatever store and catalog throw
 * before a commit is sent.
 */
export async function deleteFiles(
  table: TableHandle,
  commit: DeleteFilesCommit,
  options: SnapshotOptions,
): Promise<SnapshotOutcome> {
  const change = { ...noChange, remove: commit.remove ?? [], where: commit.where }
  checkFileChange(table.loaded.metadata, change)
  return await commitSnapshot(table, commit, { ...options, producer: new FileChanges('delete', change) })
}
