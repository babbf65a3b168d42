import {
  strategyFor,
  type ChangeDetectionStrategy,
  type StrategyChoice,
  type Watermark,
} from '@icebridge/change-detection'
import type { Environment } from '@icebridge/iceberg-core'
import {
  Journal,
  planJournal,
  type BatchMode,
  type JournalHead,
  type JournalLayout,
  type JournalPlan,
  type Lake as JournalLake,
} from '@icebridge/journal'
import type { ReadQuery, SqlServer, TableDefinition } from '@icebridge/sqlserver'
import { planError, SyncError, type SyncProblem } from './errors.ts'
import type { Logger } from './logger.ts'
import { tableText } from './names.ts'
import type { ExtractResult } from './results.ts'
import type { SyncOptions, TableSync } from './table-sync.ts'

const defaultHeartbeatMs = 24 * 60 * 60 * 1000
/** How often a batch starts again from a new head before the run gives up. */
const mostRestarts = 10

/** What the extract leg works with. */
export interface ExtractContext {
  readonly source: SqlServer
  readonly lake: JournalLake
  readonly layout: JournalLayout
  readonly formatVersion: 2 | 3
  readonly environment: Environment
  readonly logger: Logger
  readonly runId: string
}

/** The journal after the leg, and what the leg did. */
export interface Extracted {
  readonly journal: Journal
  readonly result: ExtractResult
  readonly strategy: string
}

/**
 * Reads what changed in the source and commits it to the journal, once. When another extractor commits first, the batch is
 * discarded and read again from the new head.
 *
 * @throws SyncError `plan` before anything is written; `strategy-changed`; `contention`.
 */
export async function extract(
  context: ExtractContext,
  table: TableSync,
  definition: TableDefinition,
  options: SyncOptions,
): Promise<Extracted> {
  const startedMs = context.environment.nowMs()
  const strategy = chooseStrategy(table.strategy ?? { kind: 'auto' }, definition)
  let journal = await openJournal(context, table, definition, options)
  for (let restarts = 0; restarts <= mostRestarts; restarts++) {
    options.signal?.throwIfAborted()
    const attempt = await extractOnce(context, table, { journal, definition, strategy, options })
    if (attempt.status === 'conflict') {
      context.logger.info({ runId: context.runId, journal: journal.label, reason: attempt.reason }, 'starting again')
      journal = await journal.refresh(options)
      continue
    }
    journal = await journal.refresh(options)
    const durationMs = context.environment.nowMs() - startedMs
    return { journal, strategy: strategy.name, result: { ...attempt, restarts, durationMs } }
  }
  throw new SyncError('contention', `${journal.label}: other extractors committed first ${mostRestarts + 1} times`, {
    hint: 'Run one extractor a table at a time.',
    context: { journal: journal.label },
    retryable: true,
  })
}

interface Attempt {
  readonly journal: Journal
  readonly definition: TableDefinition
  readonly strategy: ChangeDetectionStrategy
  readonly options: SyncOptions
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type AttemptResult =
  | DistributiveOmit<ExtractResult, 'restarts' | 'durationMs'>
  | { readonly status: 'conflict'; readonly reason: string }

async function extractOnce(context: ExtractContext, table: TableSync, attempt: Attempt): Promise<AttemptResult> {
  const { journal, definition, strategy, options } = attempt
  const head = await journal.head(options)
  checkStrategy(journal, head, strategy)
  const mode: BatchMode = head.watermark === undefined || journal.reloadDue ? 'load' : 'increment'
  const low = mode === 'load' ? undefined : head.watermark
  const high = await readUpperBound(context.source, { strategy, definition, known: head.watermark, options })
  const heartbeatDue = isHeartbeatDue(context, table, head)
  if (low !== undefined && strategy.isEmpty(low, high) && !heartbeatDue) return unchanged(head, low)

  await using batch = await journal.beginBatch({
    base: head,
    batchId: context.environment.uuid(),
    mode,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const plan = planFor(journal, definition)
  const query: ReadQuery = strategy.changesQuery(definition, { low, high }, plan.reads)
  for await (const rows of context.source.stream(query, options)) {
    await batch.write(rows, { op: strategy.op })
    options.onProgress?.({
      runId: context.runId,
      table: tableText(table.table),
      leg: 'extract',
      rows: batch.rows,
    })
  }
  if (batch.rows === 0n && low !== undefined && !heartbeatDue) return unchanged(head, low)
  const outcome = await batch.commit({
    watermark: high,
    strategy: strategy.name,
    summary: { 'icebridge.run-id': context.runId },
  })
  if (outcome.status === 'conflict') return outcome
  return { ...outcome, mode: outcome.rows === 0n && mode === 'increment' ? 'heartbeat' : mode, watermark: high }
}

/**
 * The strategy of a table.
 * @throws SyncError `plan` with everything that stands against it; ChangeDetectionError `no-strategy`.
 */
export function chooseStrategy(choice: StrategyChoice, definition: TableDefinition): ChangeDetectionStrategy {
  const strategy = strategyFor(choice, definition)
  const label = tableText(definition.table)
  const problems = [...strategy.validate(definition), ...accessProblems(definition)].map((problem): SyncProblem => ({
    ...problem,
    table: label,
  }))
  if (problems.length > 0) throw planError(label, problems)
  return strategy
}

/**
 * What would silently give other rows or values than the table has: row-level security and dynamic data masking.
 * @see https://learn.microsoft.com/sql/relational-databases/security/row-level-security
 * @see https://learn.microsoft.com/sql/relational-databases/security/dynamic-data-masking
 */
function accessProblems(definition: TableDefinition): readonly Omit<SyncProblem, 'table'>[] {
  const problems: Omit<SyncProblem, 'table'>[] = []
  if (definition.rowFilter) {
    problems.push({
      code: 'row-filter',
      message: 'a row-level security policy decides which rows a login sees, so rows could be missing without a word',
      hint: 'Read with a login that the policy lets see every row and switch the policy off for it, or leave the table out.',
    })
  }
  if (definition.unmask === true) return problems
  for (const column of definition.columns.filter(({ masked }) => masked)) {
    problems.push({
      code: 'masked-column',
      column: column.name,
      message: 'dynamic data masking gives this login masked values',
      hint: 'Grant UNMASK to the login.',
    })
  }
  return problems
}

/** Opens the journal in step with the source's columns, or creates it. Plan errors come before anything is written. */
async function openJournal(
  context: ExtractContext,
  table: TableSync,
  definition: TableDefinition,
  options: SyncOptions,
): Promise<Journal> {
  const { lake, layout } = context
  const journal = await Journal.open(lake, { namespace: layout.namespace, name: layout.journalName }, options)
  if (journal !== undefined) {
    const evolution = await journal.evolve(definition, options)
    const { added, promoted, replaced, dropped } = evolution
    if (added.length + promoted.length + replaced.length + dropped.length > 0) {
      context.logger.info(
        { runId: context.runId, journal: journal.label, added, promoted, replaced, dropped },
        'columns changed',
      )
    }
    return evolution.journal
  }
  const plan = planJournal(definition, {
    formatVersion: context.formatVersion,
    ...(table.timestamps === undefined ? {} : { timestamps: table.timestamps }),
    ...(table.time === undefined ? {} : { time: table.time }),
  })
  if (plan.problems.length > 0) throw planError(tableText(table.table), plan.problems)
  return await Journal.create(lake, { layout, plan, signal: options.signal })
}

function planFor(journal: Journal, definition: TableDefinition): JournalPlan {
  return planJournal(definition, journal.typeOptions)
}

function checkStrategy(journal: Journal, head: JournalHead, strategy: ChangeDetectionStrategy): void {
  if (head.strategy === undefined || head.strategy === strategy.name) return
  throw new SyncError(
    'strategy-changed',
    `${journal.label} follows its source by ${head.strategy}; a watermark of ${strategy.name} would not continue it`,
    {
      hint: `Set the strategy back to ${head.strategy}, or give the table a new journal and load it again.`,
      context: { journal: journal.label },
    },
  )
}

/** The bound below which the source is complete, read in autocommit before any row. */
async function readUpperBound(
  source: SqlServer,
  bound: {
    readonly strategy: ChangeDetectionStrategy
    readonly definition: TableDefinition
    readonly known: Watermark | undefined
    readonly options: SyncOptions
  },
): Promise<Watermark> {
  const [row] = await source.query(bound.strategy.upperBoundQuery(bound.definition), bound.options)
  return bound.strategy.upperBound(row ?? {}, bound.known)
}

function isHeartbeatDue(context: ExtractContext, table: TableSync, head: JournalHead): boolean {
  if (head.lastCommitAtMs === undefined) return false
  return context.environment.nowMs() - head.lastCommitAtMs >= (table.heartbeatMs ?? defaultHeartbeatMs)
}

function unchanged(head: JournalHead, watermark: Watermark): AttemptResult {
  return { status: 'unchanged', rows: 0n, watermark, snapshotId: head.snapshotId }
}
