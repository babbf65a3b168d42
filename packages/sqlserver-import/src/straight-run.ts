import type { JournalUnit } from '@icebridge/journal'
import { classify } from '@icebridge/sqlserver'
import { straightTarget } from './bulk-target.ts'
import { ImportError } from './errors.ts'
import { failureOf } from './failure.ts'
import type { Failure } from './failure.ts'
import type { StraightReason, StraightResult } from './import-result.ts'
import type { BulkSettings } from './bulk-settings.ts'
import type { Logger } from './logger.ts'
import { conflictReason, delayMs, exhausted, optionsOf, settle, unexpected } from './outcome.ts'
import type { OutcomeRun } from './outcome.ts'
import { bigintOf, positionOf } from './position-row.ts'
import { isAboutRow } from './row-errors.ts'
import type { StageColumn } from './stage.ts'
import { closeStraightBatch, openStraightBatch } from './straight-batch.ts'
import type { StraightLoad } from './straight-batch.ts'
import { withColumns } from './target-shape.ts'
import type { PlannedColumn } from './target-shape.ts'
import type { TargetConnection } from './target.ts'
import { UnitStream } from './unit-stream.ts'
import { withWholeText } from './whole-text.ts'

/** Everything that a straight load needs. */
export interface StraightRun extends OutcomeRun {
  readonly planned: readonly PlannedColumn[]
  readonly logger: Logger
  readonly unit: JournalUnit
  readonly columns: readonly StageColumn[]
  readonly bulk: BulkSettings
  readonly statement: () => StraightLoad
  readonly onProgress: ((rows: number) => void) | undefined
}

/** What was going on when an error was thrown; only in `commit` may the transaction have been committed. */
type Phase = 'open' | 'load' | 'commit'

/** What only the transaction finds out. */
type FoundReason = Exclude<StraightReason, 'plan'>

interface Attempt {
  phase: Phase
}

/**
 * Loads until the outcome is known. Each attempt has a connection of its own, whose end rolls back what was not committed;
 * SPEC.md has the states.
 */
export async function runStraight(run: StraightRun): Promise<StraightResult> {
  for (let attempt = 1; ; attempt += 1) {
    run.signal?.throwIfAborted()
    const at: Attempt = { phase: 'open' }
    let failure: Failure
    try {
      return await loadOnce(run, at, attempt)
    } catch (error) {
      run.signal?.throwIfAborted()
      const refusal = refusalOf(run, error, at.phase)
      if (refusal !== undefined) return declined(run, refusal, { attempts: attempt, cause: error })
      failure = failureOf(error, at.phase === 'commit' ? 'merge' : 'stage', run.target)
    }
    if (failure.kind === 'fatal') throw await explained(run, failure.error)
    run.logger.warn({ target: run.target, attempt, failure: failure.kind }, 'a straight load is repeated')
    if (failure.kind === 'unknown') {
      const settled = await settle(run, attempt, failure.error)
      if (settled !== undefined) return settled
    }
    if (attempt >= run.attempts) throw exhausted(run, failure.error)
    await run.sleep(delayMs(run, attempt), run.signal)
  }
}

async function explained(run: StraightRun, error: unknown): Promise<unknown> {
  return error instanceof ImportError && error.code === 'target-changed' ? await withColumns(error, run) : error
}

async function loadOnce(run: StraightRun, at: Attempt, attempts: number): Promise<StraightResult> {
  const statement = run.statement()
  const connection = await run.server.connection(optionsOf(run))
  try {
    const opened = await rowOf(connection, openStraightBatch(statement), run)
    const position = positionOf(opened, run.tableKey)
    switch (opened['status']) {
      case 'empty':
        break
      case 'occupied':
        return declined(run, 'occupied', { attempts })
      case 'alreadyApplied':
        if (position === undefined) throw unexpected(run.target)
        return { status: 'alreadyApplied', position, attempts }
      case 'conflict':
        return { status: 'conflict', reason: conflictReason(run.target), position, attempts }
      default:
        throw unexpected(run.target)
    }
    at.phase = 'load'
    const { deletes } = await load(connection, run)
    if (deletes) return declined(run, 'deletes', { attempts })
    at.phase = 'commit'
    const closed = await rowOf(connection, closeStraightBatch(statement), run)
    const rows = bigintOf(closed, 'rows')
    if (closed['status'] === 'short') return declined(run, 'rows', { attempts })
    if (closed['status'] !== 'applied') throw unexpected(run.target)
    const merge = { inserted: rows, updated: 0n, deleted: 0n, unchanged: 0n }
    return { status: 'applied', merge, removed: 0n, rows, position: run.to, attempts }
  } finally {
    // Closing it rolls back a transaction that is still open.
    connection.destroy()
  }
}

async function load(connection: TargetConnection, run: StraightRun): Promise<{ readonly deletes: boolean }> {
  let rows = 0
  const stream = await UnitStream.open(run.unit, {
    target: run.target,
    onRows: (count) => {
      rows += count
      run.onProgress?.(rows)
    },
  })
  const { batchRows } = run.bulk
  try {
    await connection.bulkLoad(straightTarget(run.columns, stream.schema, run), stream.batches(), {
      ...optionsOf(run),
      ...(batchRows === undefined ? {} : { batchRows }),
    })
  } finally {
    await stream.close()
  }
  return { deletes: stream.deletes }
}

/**
 * Errors of the load that the stage may cure: a constraint, or a character that a code page lacks, which rows further on may mend; a
 * refused value, whose row the stage can name; a right that only INSERT BULK needs (229 and its like, 1088, 4834).
 */
function refusalOf(run: StraightRun, error: unknown, phase: Phase): FoundReason | undefined {
  if (phase === 'open') return undefined
  if (withWholeText(run.columns, error) !== undefined) return 'value'
  const { kind, number } = classify(error)
  if (number === 2601 || number === 2627 || number === 547) return 'constraint'
  if (number !== undefined && isAboutRow(number)) return 'value'
  return kind === 'permission' || number === 1088 || number === 4834 ? 'permission' : undefined
}

const messages: Readonly<Record<FoundReason, (target: string) => string>> = {
  occupied: (target) => `${target} is not empty`,
  constraint: (target) => `a key or a constraint of ${target} refused a row`,
  value: (target) => `${target} refused a value`,
  permission: (target) => `the login may not bulk load ${target}`,
  deletes: () => 'the load has deletes',
  rows: (target) => `${target} took other than the number of rows that were loaded`,
}

function declined(
  run: StraightRun,
  reason: FoundReason,
  more: { readonly attempts: number; readonly cause?: unknown },
): StraightResult {
  const message = messages[reason](run.target)
  run.logger.info({ target: run.target, reason }, 'a first load goes by way of the stage')
  return { status: 'declined', reason, message, ...more }
}

async function rowOf(
  connection: TargetConnection,
  batch: string,
  run: StraightRun,
): Promise<Parameters<typeof bigintOf>[0]> {
  const { resultSets } = await connection.batch(batch, optionsOf(run))
  const row = resultSets.at(-1)?.[0]
  if (row === undefined) throw unexpected(run.target)
  return row
}
