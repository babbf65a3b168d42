import {
  append,
  refreshTable,
  type CommitAttempt,
  type DataFile,
  type Environment,
  type Snapshot,
  type TableHandle,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import { refusal, type BatchBase } from './commit-rule.ts'
import { JournalError } from './errors.ts'
import { snapshotOfBatch } from './history.ts'

export interface BatchCommit {
  readonly base: BatchBase
  readonly files: readonly DataFile[]
  readonly snapshotId: bigint
  readonly summary: Readonly<Record<string, string>>
  /** Table properties for an attempt on a table in that state. */
  readonly properties: (attempt: CommitAttempt, metadata: TableMetadata) => Readonly<Record<string, string>>
}

export interface BatchCommitOptions {
  readonly environment: Environment
  /** How often an unknown outcome is looked into, at least 1. */
  readonly attempts: number
  readonly signal?: AbortSignal | undefined
}

/**
 * - `conflict`: the batch is not in the table and never will be: its files may be deleted.
 * - `unknown`: it may still come. Its files stay.
 */
export type BatchOutcome =
  | { readonly status: 'committed'; readonly snapshot: Snapshot; readonly table: TableHandle }
  | { readonly status: 'conflict'; readonly reason: string }
  | { readonly status: 'failed'; readonly cause: unknown }
  | { readonly status: 'unknown'; readonly cause: unknown }

/**
 * Commits one batch exactly once, whatever becomes of the answers.
 *
 * A lost answer leaves a request that may land for as long as `main` is where it asserted. So the batch is looked for in all
 * snapshots of the refreshed table; if it is absent, the same snapshot id with the same files is tried again, asserting the
 * head just read, so that at most one of the two requests can win.
 */
export async function commitBatch(
  table: TableHandle,
  commit: BatchCommit,
  options: BatchCommitOptions,
): Promise<BatchOutcome> {
  const { environment, signal } = options
  /** Heads that lost requests asserted. */
  const asserted: (bigint | undefined)[] = []
  let lost: unknown
  let handle = table
  let { metadata } = table.loaded
  for (let attempt = 1; attempt <= options.attempts; attempt += 1) {
    try {
      if (asserted.length > 0) {
        await environment.sleep(backoffMs(attempt), signal)
        handle = await refreshTable(handle, { signal })
        const found = snapshotOfBatch(handle.loaded.metadata, commit.base.batchId)
        if (found !== undefined) return { status: 'committed', snapshot: found, table: handle }
      }
      const outcome = await append(
        handle,
        {
          files: commit.files,
          snapshotId: commit.snapshotId,
          summary: commit.summary,
          properties: (last) => commit.properties(last, metadata),
          precondition: (head) => {
            metadata = head
            return refusal(head, commit.base)
          },
        },
        { environment, signal },
      )
      if (outcome.status === 'committed') return outcome
      if (outcome.status === 'unknown') {
        asserted.push(outcome.asserted)
        lost = outcome.cause
        continue
      }
      // The conflict may be with a request of our own that landed late.
      handle = await refreshTable(outcome.table, { signal })
      const now = handle.loaded.metadata
      const found = snapshotOfBatch(now, commit.base.batchId)
      if (found !== undefined) return { status: 'committed', snapshot: found, table: handle }
      if (asserted.every((head) => head !== now.currentSnapshotId)) {
        return { status: 'conflict', reason: outcome.reason }
      }
      lost = new Error(outcome.reason, { cause: lost })
    } catch (cause) {
      // Before any answer was lost nothing can have been committed. After one, only the table can tell.
      if (asserted.length === 0) return { status: 'failed', cause }
      if (signal?.aborted === true) return { status: 'unknown', cause }
      lost = cause
    }
  }
  return { status: 'unknown', cause: lost }
}

/** The error for a commit of which nobody knows whether it landed. */
export function outcomeUnknown(commit: BatchCommit, cause: unknown): JournalError {
  const { base, files, snapshotId } = commit
  return new JournalError(
    'outcome-unknown',
    `journal ${base.label}: the catalog did not say whether batch ${base.batchId} was committed as snapshot ${snapshotId}`,
    {
      retryable: true,
      hint: `Run again once the catalog answers: the run goes on after the batch if it landed, and reads its rows again if not. Its ${files.length} data files are kept; if the batch is not in the table after the next commit, they are orphans that remove_orphan_files deletes.`,
      context: { table: base.label, batchId: base.batchId, snapshotId, files: files.length },
      cause,
    },
  )
}

function backoffMs(attempt: number): number {
  return Math.min(100 * 2 ** (attempt - 2), 10_000)
}
