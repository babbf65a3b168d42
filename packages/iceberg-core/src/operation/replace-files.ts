import { IcebergError } from '../errors.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector } from '../manifest/delete-file.ts'
import { formatIdentifier } from '../port/catalog.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { checkFileChange, noChange } from './file-change.ts'
import { FileChanges } from './file-changes.ts'
import type { SnapshotCommit, SnapshotOptions, SnapshotOutcome } from './snapshot-commit.ts'
import { branchHead, commitSnapshot } from './snapshot-committer.ts'
import { SnapshotConflicts } from './snapshot-conflicts.ts'

/** The same rows in other files. */
export interface ReplaceFilesCommit extends SnapshotCommit {
  /** Data files with the rows of {@link remove}, deletes applied. */
  readonly add?: readonly DataFile[] | undefined
  readonly remove?: readonly DataFile[] | undefined
  /** Position deletes or deletion vectors that take the place of {@link removeDeletes}. */
  readonly addDeletes?: readonly DataFile[] | undefined
  readonly removeDeletes?: readonly DataFile[] | undefined
  /**
   * The data sequence number of {@link add}: that of the snapshot that was read. Equality deletes that others add
   * meanwhile then apply to the new files as they did to the old ones, and are no conflict.
   */
  readonly dataSequenceNumber?: bigint | undefined
  readonly validation?: { readonly fromSnapshotId?: bigint | undefined } | undefined
}

/**
 * Puts the same rows into other files (compaction), in one snapshot of operation `replace`. That the rows are the same
 * is the caller's promise.
 *
 * A conflict is a removed file that is gone, and new deletes for a removed data file since the snapshot that was read;
 * equality deletes are none when `dataSequenceNumber` is given. Deletion vectors and position deletes for removed data
 * files alone are removed with them; other deletes stay as long as a data file is old enough for them.
 *
 * @throws IcebergError `invalid-argument` for files that do not fit the table or the operation,
 * `unsupported-format-version` for a table of version 1, and whatever store and catalog throw before a commit is sent.
 */
export async function replaceFiles(
  table: TableHandle,
  commit: ReplaceFilesCommit,
  options: SnapshotOptions,
): Promise<SnapshotOutcome> {
  const { add = [], remove = [], addDeletes = [], removeDeletes = [], dataSequenceNumber, validation = {} } = commit
  const change = { ...noChange, add, remove, addDeletes, removeDeletes, dataSequenceNumber }
  checkFileChange(table.loaded.metadata, change)
  checkReplacement(table, commit)
  const conflicts = new SnapshotConflicts({
    fromSnapshotId: validation.fromSnapshotId ?? branchHead(table.loaded.metadata, commit.branch)?.snapshotId,
    untouched: remove,
    ignoreEqualityDeletes: dataSequenceNumber !== undefined,
    vectors: new Set(addDeletes.filter(isDeletionVector).flatMap((file) => file.referencedDataFile ?? [])),
  })
  return await commitSnapshot(table, commit, { ...options, producer: new FileChanges('replace', change, conflicts) })
}

function checkReplacement(table: TableHandle, commit: ReplaceFilesCommit): void {
  const { add = [], remove = [], addDeletes = [], removeDeletes = [], dataSequenceNumber } = commit
  if (remove.length + removeDeletes.length === 0) throw invalid(table, 'replaces no files')
  if (add.length > 0 && remove.length === 0) throw invalid(table, 'adds data files without removing any')
  if (addDeletes.length > 0 && removeDeletes.length === 0)
    throw invalid(table, 'adds delete files without removing any')
  const equality = addDeletes.find((file) => file.content === 'equality-deletes')
  if (equality !== undefined) {
    throw invalid(
      table,
      `adds equality deletes (${equality.filePath}), which would apply to newer rows than the old ones`,
    )
  }
  const last = table.loaded.metadata.lastSequenceNumber
  if (dataSequenceNumber !== undefined && (dataSequenceNumber < 0n || dataSequenceNumber > last)) {
    throw invalid(table, `gives data sequence number ${dataSequenceNumber}, the table's last one is ${last}`)
  }
}

function invalid(table: TableHandle, what: string): IcebergError {
  const name = formatIdentifier(table.identifier)
  return new IcebergError('invalid-argument', `the replacement of files in table ${name} ${what}`, {
    context: { table: name },
  })
}
