import { isIcebergError } from '../errors.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { TableRequirement } from '../metadata/table-requirement.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { CommitOutcome, LoadedTable } from '../port/catalog.ts'
import type { Environment } from '../port/environment.ts'
import { refreshTable, type TableHandle } from '../port/table-handle.ts'
import { type CommitRetry, commitRetry, retryDelayMs } from './commit-retry.ts'

export interface MetadataCommitOptions {
  readonly environment: Environment
  readonly signal?: AbortSignal | undefined
  /** Over the table's `commit.retry.*` properties. */
  readonly retries?: Partial<CommitRetry> | undefined
}

/**
 * - `committed`: the change is in the table, or was already; `table` is the state it made.
 * - `conflict`: nothing was changed; `table` is the state that was refused on.
 * - `unknown`: the answer was lost. As long as the catalog answers with `asserted`, the request may still land.
 */
export type MetadataOutcome =
  | { readonly status: 'committed'; readonly table: TableHandle }
  | { readonly status: 'conflict'; readonly reason: string; readonly table: TableHandle }
  | { readonly status: 'unknown'; readonly asserted: LoadedTable; readonly cause: unknown }

/** What to commit on one state of a table. The table's uuid is asserted besides. Without updates nothing is sent. */
export interface MetadataChange {
  readonly updates: readonly TableUpdate[]
  readonly requirements?: readonly TableRequirement[] | undefined
}

/** A change that can never be made on this state, or on any that follows it. */
export interface Refusal {
  readonly refused: string
}

/**
 * Commits a change of metadata. Before every attempt the table is loaded anew and `build` makes the change from what it
 * finds; after a conflict it is tried again, as the table's `commit.retry.*` properties say.
 *
 * @throws IcebergError whatever `build` throws, and what the catalog throws before a commit is sent.
 */
export async function commitMetadata(
  table: TableHandle,
  build: (metadata: TableMetadata) => MetadataChange | Refusal | Promise<MetadataChange | Refusal>,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const { environment, signal } = options
  const startedMs = environment.nowMs()
  const retry = commitRetry(table.loaded.metadata.properties, options.retries)
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    const head = await refreshTable(table, { signal })
    const { metadata } = head.loaded
    const replaced = replacedBy(table.loaded.metadata, metadata)
    if (replaced !== undefined) return { status: 'conflict', reason: replaced, table: head }
    const change = await build(metadata)
    if ('refused' in change) return { status: 'conflict', reason: change.refused, table: head }
    if (change.updates.length === 0) return { status: 'committed', table: head }
    const outcome = await send(head, change, signal)
    if (outcome.status === 'committed') return { status: 'committed', table: { ...head, loaded: outcome.table } }
    if (outcome.status === 'unknown') return { status: 'unknown', asserted: head.loaded, cause: outcome.cause }
    if (attempt >= retry.retries || environment.nowMs() - startedMs >= retry.totalTimeoutMs) {
      return { status: 'conflict', reason: outcome.reason, table: head }
    }
    await environment.sleep(retryDelayMs(retry, attempt + 1, environment), signal)
  }
}

async function send(
  table: TableHandle,
  change: MetadataChange,
  signal: AbortSignal | undefined,
): Promise<CommitOutcome> {
  const { loaded } = table
  const uuid = loaded.metadata.tableUuid
  const requirements: TableRequirement[] = [
    // Tables of version 1 may have none.
    ...(uuid === '' ? [] : [{ type: 'assert-table-uuid', uuid } satisfies TableRequirement]),
    ...(change.requirements ?? []),
  ]
  try {
    return await table.catalog.commitTable(
      table.identifier,
      { requirements, updates: change.updates, base: loaded },
      { signal },
    )
  } catch (error) {
    // A catalog throws only what happened before the swap was sent.
    if (!isIcebergError(error, 'conflict')) throw error
    return { status: 'conflict', reason: error.message }
  }
}

function replacedBy(base: TableMetadata, head: TableMetadata): string | undefined {
  if (base.tableUuid === '' || base.tableUuid.toLowerCase() === head.tableUuid.toLowerCase()) return undefined
  return `the table was replaced: its uuid is ${head.tableUuid}, not ${base.tableUuid}`
}
