import {
  strategyFor,
  type ChangeDetectionStrategy,
  type StrategyChoice,
  type Watermark,
} from '@icebridge/change-detection'
import { Journal, planJournal, type JournalHead } from '@icebridge/journal'
import type { TableDefinition } from '@icebridge/sqlserver'
import { planError, SyncError, type SyncProblem } from './errors.ts'
import { changesQuery, fillBatch, LoadTotals, type ExtractContext, type ExtractRun } from './extract-run.ts'
import { load } from './load.ts'
import { tableText } from './names.ts'
import { Losses } from './read/losses.ts'
import { planReads } from './read/plan-reads.ts'
import { SourceReads } from './read/source-reads.ts'
import type { ExtractResult } from './results.ts'
import type { SyncOptions, TableSync } from './table-sync.ts'

const defaultHeartbeatMs = 24 * 60 * 60 * 1000
/** How often in a row a run starts again from a new head, nothing of its own committed in between, before it gives up. */
const mostRestarts = 10

/** The journal after the leg, and what the leg did. */
export interface Extracted {
  readonly journal: Journal
  readonly result: ExtractResult
  readonly strategy: string
}

/**
 * Reads what changed in the source and commits it to the journal: increments in one commit, a load chunk by chunk. When another
 * extractor commits first, what is not committed is discarded and read again from the new head.
 *
 * @throws SyncError `plan` before anything is written; `strategy-changed`; `contention`; `unusable-key`.
 */
export async function extract(
  context: ExtractContext,
  table: TableSync,
  definition: TableDefinition,
  options: SyncOptions,
): Promise<Extracted> {
  const startedMs = context.environment.nowMs()
  const begun = beginRun(context, table, definition, options)
  let journal = await openJournal(context, table, definition, options)
  let restarts = 0
  for (let inARow = 0; inARow <= mostRestarts;) {
    options.signal?.throwIfAborted()
    const run: ExtractRun = { ...begun, query: changesQuery(begun, journal) }
    const { chunks } = run.totals
    const attempt = await extractOnce(run, journal)
    journal = await journal.refresh(options)
    if (attempt.status === 'conflict') {
      context.logger.info({ runId: context.runId, journal: journal.label, reason: attempt.reason }, 'starting again')
      restarts += 1
      inARow = run.totals.chunks > chunks ? 1 : inARow + 1
      continue
    }
    const durationMs = context.environment.nowMs() - startedMs
    const result = { ...withLoad(attempt, run.totals), reads: run.reads.report, restarts, durationMs }
    if (result.status === 'committed' && result.losses !== undefined) {
      context.logger.warn(
        { runId: context.runId, journal: journal.label, losses: result.losses },
        'halves of surrogate pairs were replaced by U+FFFD',
      )
    }
    return { journal, strategy: run.strategy.name, result }
  }
  throw new SyncError('contention', `${journal.label}: other extractors committed first ${mostRestarts + 1} times`, {
    hint: 'Run one extractor a table at a time.',
    context: { journal: journal.label },
    retryable: true,
  })
}

function beginRun(
  context: ExtractContext,
  table: TableSync,
  definition: TableDefinition,
  options: SyncOptions,
): Omit<ExtractRun, 'query'> {
  const strategy = chooseStrategy(table.strategy ?? { kind: 'auto' }, definition)
  const label = tableText(table.table)
  const { identity } = context.source
  const { settings, isolation, problems } = planReads(table.load, { identity, table: definition, strategy })
  if (problems.length > 0)
    throw planError(
      label,
      problems.map((each) => ({ ...each, table: label })),
    )
  const { environment, logger, runId } = context
  const reads = new SourceReads({
    server: context.source,
    isolation,
    maxRowsPerSecond: settings.maxRowsPerSecond,
    loneSurrogates: table.loneSurrogates ?? 'refuse',
    maxValueBytes: settings.maxValueBytes,
    environment,
    logger,
    runId,
    signal: options.signal,
  })
  return { context, table, definition, strategy, settings, options, reads, totals: new LoadTotals() }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type AttemptResult = DistributiveOmit<ExtractResult, 'restarts' | 'durationMs' | 'reads'>

async function extractOnce(
  run: ExtractRun,
  journal: Journal,
): Promise<AttemptResult | { readonly status: 'conflict'; readonly reason: string }> {
  const { context, strategy, options } = run
  const head = await journal.head(options)
  checkStrategy(journal, head, strategy)
  const known = head.watermark ?? journal.unfinishedLoad(head)?.handover
  const high = await readUpperBound(run, known)
  if (head.watermark === undefined || journal.reloadDue) {
    const outcome = await load(run, { journal, head, bound: high })
    return outcome.status === 'conflict' ? outcome : unchanged(head, high)
  }
  const low = head.watermark
  const heartbeatDue = isHeartbeatDue(run, head)
  if (strategy.isEmpty(low, high) && !heartbeatDue) return unchanged(head, low)
  const losses = new Losses()
  await using batch = await fillBatch(run, {
    journal,
    head,
    mode: 'increment',
    read: () => run.reads.stream(run.query({ low, high }), losses),
  })
  if (batch.rows === 0n && !heartbeatDue) return unchanged(head, low)
  const outcome = await batch.commit({
    watermark: high,
    strategy: strategy.name,
    summary: { 'icebridge.run-id': context.runId, ...losses.summary },
  })
  if (outcome.status === 'conflict') return outcome
  const mode = outcome.rows === 0n ? 'heartbeat' : 'increment'
  return { ...outcome, mode, watermark: high, load: undefined, ...given(losses.counts) }
}

/** What the run committed in all: chunks of a load, then, if somebody else committed the last of them, an increment. */
function withLoad(attempt: AttemptResult, totals: LoadTotals): AttemptResult {
  if (totals.committed === undefined) return attempt
  const { losses: ofLoad, ...committed } = totals.committed
  if (attempt.status === 'unchanged') return { status: 'committed', mode: 'load', ...committed, ...given(ofLoad) }
  const losses = new Losses()
  losses.addAll(ofLoad)
  losses.addAll(attempt.losses)
  const from = committed.sequence?.from ?? attempt.sequence?.from
  const to = attempt.sequence?.to ?? committed.sequence?.to
  return {
    ...attempt,
    rows: committed.rows + attempt.rows,
    sequence: from === undefined || to === undefined ? undefined : { from, to },
    load: committed.load,
    ...given(losses.counts),
  }
}

function given(losses: Losses['counts']): { readonly losses?: NonNullable<Losses['counts']> } {
  return losses === undefined ? {} : { losses }
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
async function readUpperBound(run: ExtractRun, known: Watermark | undefined): Promise<Watermark> {
  const { strategy, definition, context, options, reads } = run
  // Not among the other reads: inside a snapshot it could pass rows that the snapshot does not see.
  const query = strategy.upperBoundQuery(definition)
  const [row] = await reads.repeat(() => context.source.query(query, options))
  return strategy.upperBound(row ?? {}, known)
}

function isHeartbeatDue({ context, table }: ExtractRun, head: JournalHead): boolean {
  if (head.lastCommitAtMs === undefined) return false
  return context.environment.nowMs() - head.lastCommitAtMs >= (table.heartbeatMs ?? defaultHeartbeatMs)
}

function unchanged(head: JournalHead, watermark: Watermark): AttemptResult {
  return { status: 'unchanged', rows: 0n, watermark, snapshotId: head.snapshotId }
}
