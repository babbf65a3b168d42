import type { TableHandle } from '../port/table-handle.ts'
import type { AppendCommit, AppendOutcome } from './append-commit.ts'
import { checkFileChange, noChange } from './file-change.ts'
import { FileChanges } from './file-changes.ts'
import type { SnapshotOptions } from './snapshot-commit.ts'
import { commitSnapshot } from './snapshot-committer.ts'

/**
 * Appends data files in one snapshot. No other commit is a conflict: the append is built anew on top of it. Small
 * manifests are merged as `commit.manifest.*` says, unless `merge` is false (a fast append).
 *
 * @throws IcebergError `invalid-argument` for files that do not fit the table, `unsupported-format-version` for a
 * table of version 1, and whatever store and catalog throw before a commit is sent.
 */
export async function append(
  table: TableHandle,
  commit: AppendCommit,
  options: SnapshotOptions,
): Promise<AppendOutcome> {
  const change = { ...noChange, add: commit.files, merge: commit.merge }
  checkFileChange(table.loaded.metadata, change)
  return await commitSnapshot(table, commit, { ...options, producer: new FileChanges('append', change) })
}
