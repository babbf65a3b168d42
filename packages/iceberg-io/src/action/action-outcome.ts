import type { DataFile, Snapshot, SnapshotOutcome, TableHandle } from '@icebridge/iceberg-core'
import { deleteDataFiles } from '../write/delete-data-files.ts'

/**
 * - `committed`: the change is in the table; `counts` says what it was.
 * - `unchanged`: there was nothing to change, and nothing was committed.
 * - `conflict`: somebody changed the same rows meanwhile. The files written are deleted; refresh the table and run again.
 * - `unknown`: the answer was lost, and the commit may still land: ask the table for the snapshot before running again.
 *   `files` were written for it and are left alone.
 */
export type ActionOutcome<Counts> =
  | {
      readonly status: 'committed'
      readonly snapshot: Snapshot
      readonly table: TableHandle
      readonly counts: Counts
    }
  | { readonly status: 'unchanged'; readonly table: TableHandle; readonly counts: Counts }
  | { readonly status: 'conflict'; readonly reason: string; readonly table: TableHandle }
  | {
      readonly status: 'unknown'
      readonly snapshotId: bigint
      readonly asserted: bigint | undefined
      readonly cause: unknown
      readonly files: readonly DataFile[]
    }

/** What an action says of its commit; after a conflict the files written for it are deleted. */
export async function actionOutcome<Counts>(
  outcome: SnapshotOutcome,
  written: { readonly table: TableHandle; readonly files: readonly DataFile[]; readonly counts: Counts },
): Promise<ActionOutcome<Counts>> {
  switch (outcome.status) {
    case 'committed':
      return { ...outcome, counts: written.counts }
    case 'conflict':
      await deleteDataFiles(written.table.io, written.files)
      return outcome
    case 'unknown':
      return { ...outcome, files: written.files }
  }
}
