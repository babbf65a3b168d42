import { classify, formatSqlType } from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'
import { bulkTarget, keepTarget } from './bulk-target.ts'
import { ImportError } from './errors.ts'
import { failureOf } from './failure.ts'
import type { Failure } from './failure.ts'
import type { ImportResult } from './import-result.ts'
import { createKeepBatch } from './keep.ts'
import type { BulkSettings } from './bulk-settings.ts'
import { keepNewestVersions } from './newest-versions.ts'
import { conflictReason, delayMs, exhausted, optionsOf, settle, unexpected } from './outcome.ts'
import { bigintOf, positionOf } from './position-row.ts'
import type { Row } from './position-row.ts'
import { refusedRow } from './refused-row.ts'
import type { RefusalRun } from './refused-row.ts'
import { isAboutRow } from './row-errors.ts'
import { createStageBatch, stageTable } from './stage.ts'
import { stagedKeyQuery } from './staged-key.ts'
import { narrowBatch, narrowingQuery } from './staged-narrowing.ts'
import type { StagedNarrowing } from './staged-narrowing.ts'
import { fillVariantsBatch, variantBasesQuery } from './staged-variant.ts'
import { withColumns } from './target-shape.ts'
import type { TargetConnection } from './target.ts'
import { UnitStream } from './unit-stream.ts'
import { withWholeText } from './whole-text.ts'

/** Everything that applying one unit needs; nothing of it changes from attempt to attempt but the time in the batch. */
export interface UnitRun extends RefusalRun {
  readonly bulk: BulkSettings
  /** The unit's batch, for a stage whose sequence numbers rose strictly or did not. */
  readonly batch: (ascending: boolean) => string
  readonly onProgress: ((stagedRows: number) => void) | undefined
  /** Nothing further on can mend a refusal: it is thrown, and never `widen`. */
  readonly widest: boolean
}

interface Staged {
  readonly connection: TargetConnection
  readonly ascending: boolean
  readonly losses: Readonly<Record<string, bigint>>
}

/**
 * Stages and merges until the unit's outcome is known. SPEC.md has the states; a stage outlives an attempt only when the server
 * has answered that the transaction was rolled back.
 */
export async function runUnit(run: UnitRun): Promise<ImportResult> {
  let staged: Staged | undefined
  try {
    for (let attempt = 1; ; attempt += 1) {
      run.signal?.throwIfAborted()
      let phase: 'stage' | 'merge' = 'stage'
      let failure: Failure
      try {
        staged ??= await stage(run)
        phase = 'merge'
        const { resultSets } = await staged.connection.batch(run.batch(staged.ascending), optionsOf(run))
        return resultOf(resultSets.at(-1)?.[0], run, { attempts: attempt, losses: staged.losses })
      } catch (error) {
        if (run.signal?.aborted === true) {
          discard(staged)
          staged = undefined
          run.signal.throwIfAborted()
        }
        failure = failureOf(error, phase, run.target)
      }
      switch (failure.kind) {
        case 'fatal':
          throw await explained(run, failure.error, staged?.connection)
        case 'widen':
          if (run.widest) throw await explained(run, failure.error, staged?.connection)
          return {
            status: 'widen',
            reason: `${run.target} refused a row of the unit${failure.number === undefined ? '' : ` (error ${failure.number})`}`,
            number: failure.number,
            cause: failure.error,
            attempts: attempt,
          }
        case 'repeat':
          break
        case 'restage':
        case 'unknown':
          discard(staged)
          staged = undefined
          break
        default:
          failure satisfies never
      }
      run.logger.warn({ target: run.target, attempt, failure: failure.kind }, 'a unit is repeated')
      if (failure.kind === 'unknown') {
        const settled = await settle(run, attempt, failure.error)
        if (settled !== undefined) return settled
      }
      if (attempt >= run.attempts) throw exhausted(run, failure.error)
      await run.sleep(delayMs(run, attempt), run.signal)
    }
  } finally {
    await staged?.connection.close()
  }
}

/** Says more of a failure that no repetition mends, as far as its stage tells. */
async function explained(run: UnitRun, error: unknown, connection: TargetConnection | undefined): Promise<unknown> {
  if (error instanceof ImportError) return error.code === 'target-changed' ? await withColumns(error, run) : error
  const { number } = classify(error)
  if (connection === undefined || number === undefined || !isAboutRow(number)) return error
  return await refusedRow(connection, run, { number, error })
}

/** Fills a new stage, once more where a character that no code page has may stand in a version that a later one supersedes. */
async function stage(run: UnitRun): Promise<Staged> {
  for (let { columns } = run; ;) {
    try {
      return await stageOnce({ ...run, columns })
    } catch (error) {
      const whole = withWholeText(columns, error)
      if (whole === undefined) throw error
      columns = whole
    }
  }
}

/** Fills a new stage on a new connection, outside any transaction. */
async function stageOnce(run: UnitRun): Promise<Staged> {
  const connection = await run.server.connection(optionsOf(run))
  try {
    await stageKeys(connection, run)
    if (run.unit.rows === 0) return { connection, ascending: true, losses: {} }
    await connection.batch(createStageBatch(run.columns), optionsOf(run))
    let rows = 0
    let losses: Staged['losses']
    const stream = await UnitStream.open(run.unit, {
      target: run.target,
      onRows: (count) => {
        rows += count
        run.onProgress?.(rows)
      },
    })
    try {
      const target = bulkTarget(run.columns, stream.schema, run.target)
      await connection.bulkLoad(target, stream.batches(), bulkOptions(run))
      await fillVariants(connection, run)
      losses = await narrow(connection, run, stream)
    } finally {
      await stream.close()
    }
    return { connection, ascending: stream.ascending, losses }
  } catch (error) {
    connection.destroy()
    throw error
  }
}

/** Makes the sql_variant values of the stage from what was loaded in their place. */
async function fillVariants(connection: TargetConnection, run: UnitRun): Promise<void> {
  const variants = run.columns.flatMap(({ variant }) => (variant === undefined ? [] : [variant]))
  if (variants.length === 0) return
  const { resultSets } = await connection.batch(variantBasesQuery(stageTable, variants), optionsOf(run))
  const bases = (resultSets[0] ?? []).map((row) => ({ column: String(row['column']), base: String(row['base']) }))
  if (bases.length > 0) await connection.batch(fillVariantsBatch(stageTable, variants, bases), optionsOf(run))
}

/**
 * Makes the target's values of the columns that are staged whole, once all are known to fit. Gives what is lost by declaration.
 *
 * @throws {ImportError} `value-does-not-fit` that names the column and the key of the first row.
 */
async function narrow(
  connection: TargetConnection,
  run: UnitRun,
  staged: { readonly ascending: boolean },
): Promise<Readonly<Record<string, bigint>>> {
  const narrowed = run.columns.flatMap(({ source, narrowing }) =>
    narrowing === undefined ? [] : [{ source, narrowing }],
  )
  if (narrowed.length === 0) return {}
  // A version that a later one supersedes never reaches the target: what it would lose is no loss, and it may not fit.
  const newest = ['SET NOCOUNT ON;', ...keepNewestVersions(run.context, staged)]
  await connection.batch(newest.join('\n'), optionsOf(run))
  const losses: Record<string, bigint> = {}
  for (const { source, narrowing } of narrowed) {
    const { resultSets } = await connection.batch(narrowingQuery(stageTable, narrowing), optionsOf(run))
    const row = resultSets.at(-1)?.[0]
    if (row === undefined) throw unexpected(run.target)
    if (bigintOf(row, 'unfit') > 0n) throw await doesNotFit(connection, run, { source, narrowing, row })
    const lossy = bigintOf(row, 'lossy')
    if (lossy === 0n) continue
    if (!narrowing.declared) throw await doesNotFit(connection, run, { source, narrowing, row })
    losses[source] = lossy
    run.logger.warn(
      { target: run.target, column: source, rows: String(lossy), firstSequence: String(row['first']) },
      'values are narrowed as declared',
    )
  }
  const all = narrowed.map(({ narrowing }) => narrowing)
  await connection.batch(narrowBatch(stageTable, all), optionsOf(run))
  return losses
}

async function doesNotFit(
  connection: TargetConnection,
  run: UnitRun,
  found: { readonly source: string; readonly narrowing: StagedNarrowing; readonly row: Row },
): Promise<ImportError> {
  const { source, narrowing, row } = found
  const first = bigintOf(row, 'first')
  const { resultSets } = await connection.batch(stagedKeyQuery(stageTable, run.columns, first), optionsOf(run))
  const unfit = bigintOf(row, 'unfit')
  const count = unfit === 0n ? bigintOf(row, 'lossy') : unfit
  const one = count === 1n
  const problem =
    unfit === 0n
      ? `${one ? 'value has' : 'values have'} a character that the code page of ${narrowing.collation} lacks`
      : `${one ? 'value does' : 'values do'} not fit ${formatSqlType(narrowing.type)}`
  return new ImportError(
    'value-does-not-fit',
    `${run.target}, column ${source}: ${count} ${problem}, the first in the row ${String(resultSets.at(-1)?.[0]?.['key'])}`,
    {
      hint: narrowing.declared
        ? 'allowLoss lets digits and characters be lost, not whole values: widen the target column, or correct the value in the source.'
        : 'Make the target column nvarchar or give it a UTF-8 collation, or correct the value in the source.',
      context: { target: run.target, column: source, rows: Number(count), sequence: String(first) },
    },
  )
}

/** The keys of a reload, by which the unit deletes what the reload does not contain. */
async function stageKeys(connection: TargetConnection, run: UnitRun): Promise<void> {
  const { reload } = run.unit
  if (reload === undefined) return
  const keys = run.columns.filter(({ key }) => key)
  await connection.batch(createKeepBatch(keys), optionsOf(run))
  const batches = reload.keys(keys.map(({ source }) => source))[Symbol.asyncIterator]()
  let rows = 0n
  try {
    const first = await batches.next()
    if (first.done !== true) {
      const target = keepTarget(keys, first.value.schema, run.target)
      ;({ rows } = await connection.bulkLoad(target, following(first.value, batches), bulkOptions(run)))
    }
  } finally {
    await batches.return?.()
  }
  if (rows !== BigInt(reload.rows)) {
    throw new ImportError(
      'malformed-unit',
      `a reload for ${run.target} has ${rows} keys, and ${reload.rows} were promised`,
      {
        hint: 'Read the journal again; if this stays so, it was changed by somebody else.',
        context: { target: run.target, from: String(reload.sequence.from), to: String(reload.sequence.to) },
      },
    )
  }
}

async function* following(
  first: RecordBatch,
  rest: AsyncIterator<RecordBatch>,
): AsyncGenerator<RecordBatch, void, undefined> {
  yield first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

function bulkOptions(run: UnitRun): { readonly signal?: AbortSignal; readonly batchRows?: number } {
  const { batchRows } = run.bulk
  return { ...optionsOf(run), ...(batchRows === undefined ? {} : { batchRows }) }
}

function resultOf(
  row: Row | undefined,
  run: UnitRun,
  { attempts, losses }: { readonly attempts: number; readonly losses: Staged['losses'] },
): ImportResult {
  if (row === undefined) throw unexpected(run.target)
  const position = positionOf(row, run.tableKey)
  switch (row['status']) {
    case 'applied': {
      const inserted = bigintOf(row, 'inserted')
      const updated = bigintOf(row, 'updated')
      const deleted = bigintOf(row, 'deleted')
      const unchanged = bigintOf(row, 'keys') - inserted - updated - deleted
      return {
        status: 'applied',
        merge: { inserted, updated, deleted, unchanged },
        removed: bigintOf(row, 'removed'),
        ...(Object.keys(losses).length === 0 ? {} : { losses }),
        rows: BigInt(run.unit.rows),
        position: run.to,
        attempts,
      }
    }
    case 'alreadyApplied':
      if (position === undefined) throw unexpected(run.target)
      return { status: 'alreadyApplied', position, attempts }
    case 'conflict':
      return { status: 'conflict', reason: conflictReason(run.target), position, attempts }
    default:
      throw unexpected(run.target)
  }
}

function discard(staged: Staged | undefined): void {
  staged?.connection.destroy()
}
