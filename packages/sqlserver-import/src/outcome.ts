import type { AppliedPosition } from '@icebridge/journal'
import { readPositionUnderLockBatch } from './applied-position.ts'
import { ImportError } from './errors.ts'
import { failureOf } from './failure.ts'
import type { ImportResult } from './import-result.ts'
import { positionOf } from './position-row.ts'
import type { Target, TargetConnection } from './target.ts'

/** What finding out an outcome needs of a unit's run, or of a load's. */
export interface OutcomeRun {
  readonly server: Target
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  readonly attempts: number
  readonly baseDelayMs: number
  readonly lockTimeoutMs: number
  readonly tableKey: string
  /** The target, quoted, in two parts. */
  readonly target: string
  readonly from: AppliedPosition | undefined
  readonly to: AppliedPosition
  readonly signal: AbortSignal | undefined
}

type Settled = Extract<ImportResult, { status: 'alreadyApplied' | 'conflict' }>

/**
 * Finds out what became of a transaction whose answer was lost: under the lock, so that a session that is still at work on the
 * server has ended. Undefined: nothing was written, and the unit can be begun again.
 */
export async function settle(run: OutcomeRun, attempt: number, lost: unknown): Promise<Settled | undefined> {
  let last = lost
  for (let look = 1; look <= run.attempts; look += 1) {
    await run.sleep(delayMs(run, look), run.signal)
    let connection: TargetConnection | undefined
    try {
      connection = await run.server.connection(optionsOf(run))
      const { resultSets } = await connection.batch(
        readPositionUnderLockBatch(run.tableKey, run.lockTimeoutMs),
        optionsOf(run),
      )
      await connection.close()
      return outcomeAt(positionOf(resultSets.at(-1)?.[0], run.tableKey), run, attempt)
    } catch (error) {
      connection?.destroy()
      run.signal?.throwIfAborted()
      const failure = failureOf(error, 'stage', run.target)
      if (failure.kind === 'fatal' && error instanceof ImportError) throw error
      last = error
    }
  }
  throw new ImportError('outcome-unknown', `it is not known whether a unit of ${run.target} was committed`, {
    hint: 'Run again when the target answers: the unit is applied then, or found to be applied.',
    retryable: true,
    context: { target: run.target, tableKey: run.tableKey },
    cause: last,
  })
}

function outcomeAt(position: AppliedPosition | undefined, run: OutcomeRun, attempts: number): Settled | undefined {
  if (samePosition(position, run.from)) return undefined
  if (position !== undefined && position.tableUuid === run.to.tableUuid && position.sequence >= run.to.sequence) {
    return { status: 'alreadyApplied', position, attempts }
  }
  return { status: 'conflict', reason: conflictReason(run.target), position, attempts }
}

export function conflictReason(target: string): string {
  return `the applied position of ${target} is no longer the one that the unit was cut from`
}

function samePosition(a: AppliedPosition | undefined, b: AppliedPosition | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.tableUuid === b.tableUuid && a.snapshotId === b.snapshotId && a.sequence === b.sequence
}

export function exhausted(run: OutcomeRun, cause: unknown): unknown {
  if (cause instanceof ImportError) return cause
  return new ImportError('attempts-exhausted', `${run.target} did not take a unit in ${run.attempts} attempts`, {
    hint: 'The target is overloaded or often out of reach; the cause has its last answer. Running again is safe.',
    retryable: true,
    context: { target: run.target, attempts: run.attempts },
    cause,
  })
}

export function unexpected(target: string): ImportError {
  return new ImportError('statement-failed', `${target} answered a unit's batch with something else than its outcome`, {
    hint: 'The target is not a SQL Server that this version knows.',
    context: { target },
  })
}

export function delayMs(run: OutcomeRun, attempt: number): number {
  return Math.min(run.baseDelayMs * 2 ** (attempt - 1), 30_000)
}

export function optionsOf(run: OutcomeRun): { readonly signal?: AbortSignal } {
  return run.signal === undefined ? {} : { signal: run.signal }
}
