import { IcebergError } from '../errors.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { ancestorsOf, snapshotById, type TableMetadata } from '../metadata/table-metadata.ts'
import { formatIdentifier } from '../port/catalog.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { noChange } from './file-change.ts'
import { FileChanges } from './file-changes.ts'
import type { SnapshotCommit, SnapshotOptions, SnapshotOutcome } from './snapshot-commit.ts'
import { branchHead, commitSnapshot } from './snapshot-committer.ts'

/** Summary field: the snapshot that was picked. */
const sourceSnapshotIdField = 'source-snapshot-id'
/** Summary field of a staged snapshot: what its writer calls it. */
const stagedWapIdField = 'wap.id'
/** Summary field: what the writer of the picked snapshot called it. */
const publishedWapIdField = 'published-wap-id'

export interface CherryPickCommit extends Omit<SnapshotCommit, 'stageOnly'> {
  /** The snapshot whose files are added, staged or on another branch. */
  readonly sourceSnapshotId: bigint
}

/**
 * Adds the files that an append snapshot added to the head of a branch, in a snapshot that names the picked one.
 * Picking what the branch has already is a conflict.
 *
 * @throws IcebergError `no-such-snapshot`, `unsupported-operation` for a snapshot that is no append, and what
 * {@link append} throws.
 */
export async function cherryPick(
  table: TableHandle,
  commit: CherryPickCommit,
  options: SnapshotOptions,
): Promise<SnapshotOutcome> {
  const source = requireAppend(table, commit.sourceSnapshotId)
  const add = await addedFiles(table, source, options.signal)
  const wapId = source.summary[stagedWapIdField]
  const picked: SnapshotCommit = {
    ...commit,
    summary: {
      ...commit.summary,
      [sourceSnapshotIdField]: String(source.snapshotId),
      ...(wapId === undefined ? {} : { [publishedWapIdField]: wapId }),
    },
    precondition: (head) => alreadyThere(head, source, commit.branch) ?? commit.precondition?.(head),
  }
  return await commitSnapshot(table, picked, { ...options, producer: new FileChanges('append', { ...noChange, add }) })
}

function requireAppend(table: TableHandle, snapshotId: bigint): Snapshot {
  const name = formatIdentifier(table.identifier)
  const source = snapshotById(table.loaded.metadata, snapshotId)
  if (source === undefined) {
    throw new IcebergError('no-such-snapshot', `table ${name} has no snapshot ${snapshotId}`, {
      context: { table: name, snapshotId },
    })
  }
  if (source.operation === 'append') return source
  throw new IcebergError(
    'unsupported-operation',
    `snapshot ${snapshotId} of table ${name} is of operation ${source.operation}; only appends can be picked`,
    {
      context: { table: name, snapshotId, operation: source.operation },
      hint: 'Fast-forward the branch to it, or make the change anew.',
    },
  )
}

async function addedFiles(table: TableHandle, source: Snapshot, signal: AbortSignal | undefined): Promise<DataFile[]> {
  const options = { metadata: table.loaded.metadata, signal }
  const files: DataFile[] = []
  for (const manifest of await readManifestList(table.io, source, options)) {
    if (manifest.addedSnapshotId !== source.snapshotId || manifest.content === 'deletes') continue
    for await (const entry of readManifest(table.io, manifest, options)) {
      if (entry.status === 'added' && entry.snapshotId === source.snapshotId) files.push(entry.file)
    }
  }
  return files
}

function alreadyThere(metadata: TableMetadata, source: Snapshot, branch: string | undefined): string | undefined {
  const head = branchHead(metadata, branch)
  const id = String(source.snapshotId)
  const found = head === undefined ? [] : ancestorsOf(metadata, head.snapshotId)
  const wapId = source.summary[stagedWapIdField]
  for (const { snapshotId, summary } of found) {
    if (snapshotId === source.snapshotId) return `snapshot ${id} is already in the history of the branch`
    const same = summary[sourceSnapshotIdField] === id
    if (same || (wapId !== undefined && summary[publishedWapIdField] === wapId)) {
      return `snapshot ${id} was already picked: it is in ${snapshotId}`
    }
  }
  return undefined
}
