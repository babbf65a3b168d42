import { classify, quoteName } from '@icebridge/sqlserver'
import type { JournalUnit } from '@icebridge/journal'
import { bigintLiteral } from './applied-position.ts'
import type { ImportError } from './errors.ts'
import type { Logger } from './logger.ts'
import type { MergeContext } from './merge-strategy.ts'
import { optionsOf } from './outcome.ts'
import type { OutcomeRun } from './outcome.ts'
import { bigintOf } from './position-row.ts'
import type { Row } from './position-row.ts'
import type { SequenceRange } from './probe-batch.ts'
import { messageOf, refusalError } from './refusal-error.ts'
import type { Culprit, NamedRow } from './refusal-error.ts'
import { refusedRowQueries } from './refused-constraint.ts'
import { refusedRange } from './refused-range.ts'
import type { Probe, RefusedRange, Refusal } from './refused-range.ts'
import { isAboutRow } from './row-errors.ts'
import type { StageColumn } from './stage.ts'
import { stagedKeyQuery, targetKeyText } from './staged-key.ts'
import { constraintQueries, constraintsOf, targetColumnsOf, targetColumnsQuery } from './target-constraints.ts'
import type { TargetConstraint } from './target-constraints.ts'
import { changedColumns } from './target-shape.ts'
import type { PlannedColumn } from './target-shape.ts'
import { firesTriggers, triggerQueries } from './target-triggers.ts'
import type { TargetConnection } from './target.ts'

/** What finding a refused row needs of its unit's run. */
export interface RefusalRun extends OutcomeRun {
  readonly logger: Logger
  readonly unit: JournalUnit
  readonly columns: readonly StageColumn[]
  readonly context: MergeContext
  readonly planned: readonly PlannedColumn[]
  /** Merges a range of the stage and rolls back. */
  readonly probe: (among: SequenceRange, rows: SequenceRange) => string
}

/** What was found, with the error that it alone brings about. */
interface Found {
  readonly culprit: Culprit
  readonly refusal: Refusal
}

/**
 * The error of a unit that the target refused, with key and columns of its first refused row, or of the rows that are refused together,
 * where that can be told. The transaction is rolled back and the stage is as it was; after this it is not.
 *
 * A row that a constraint refuses is asked for in queries, as far as the constraint's columns and text can be asked of the stage: whether
 * a foreign key or a unique index does depends on the unit's other rows. Any other is looked for by merging parts of the stage
 * in transactions that are rolled back, but not where that would run triggers.
 */
export async function refusedRow(
  connection: TargetConnection,
  run: RefusalRun,
  refusal: Refusal,
): Promise<ImportError> {
  try {
    return await explained(connection, run, refusal)
  } catch (error) {
    run.signal?.throwIfAborted()
    run.logger.warn({ target: run.target, number: refusal.number, cause: String(error) }, 'a refused row was not found')
    return refusalError(run.target, refusal, { columns: [], culprit: { kind: 'unknown' } })
  }
}

async function explained(connection: TargetConnection, run: RefusalRun, refusal: Refusal): Promise<ImportError> {
  const constraint = await constraintOf(connection, run, refusal)
  const found = await find(connection, run, { refusal, constraint })
  const { culprit } = found
  if (culprit.kind === 'unknown' && culprit.why !== undefined) {
    run.logger.warn({ target: run.target, number: refusal.number, why: culprit.why }, 'a refused row is not named')
  }
  const columns = constraint?.columns ?? (culprit.kind === 'unknown' ? [] : await columnsOf(run, found.refusal))
  return refusalError(run.target, found.refusal, { columns, culprit })
}

async function find(
  connection: TargetConnection,
  run: RefusalRun,
  { refusal, constraint }: { readonly refusal: Refusal; readonly constraint: TargetConstraint | undefined },
): Promise<Found> {
  const unknown = (why: string): Found => ({ refusal, culprit: { kind: 'unknown', why } })
  if (run.unit.rows === 0)
    return unknown('the unit has none, and is refused for what it deletes because the reload does not contain it')
  const queries = constraint === undefined ? undefined : await queriesFor(connection, run, constraint)
  const culprit = await firstOf(connection, run, queries ?? [])
  if (culprit !== undefined) return { refusal, culprit }
  // A part of a unit has neither the values that the rest frees nor the parents that it brings.
  const depends = constraint?.kind === 'foreign-key' && constraint.references.own
  if (depends || refusal.number === 2601 || refusal.number === 2627) {
    return unknown(
      queries === undefined
        ? 'the constraint has a column or a condition whose value in the staged rows is not known'
        : 'the constraint is not broken by a staged row as the target stands now',
    )
  }
  const range = await probed(connection, run, refusal)
  return typeof range === 'string' ? unknown(range) : await foundIn(connection, run, range)
}

/** The constraint that the server's message names. */
async function constraintOf(
  connection: TargetConnection,
  run: RefusalRun,
  { number, error }: Refusal,
): Promise<TargetConstraint | undefined> {
  const message = messageOf(error)
  if (number === 515) {
    const column = run.planned.find(({ name }) => quotes(message, name))
    if (column === undefined) return undefined
    const { name } = column
    return { kind: 'check', name, columns: [name], definition: `(${quoteName(name)} IS NOT NULL)` }
  }
  if (number !== 547 && number !== 2601 && number !== 2627) return undefined
  const answers = await answersTo(connection, run, constraintQueries(run.target))
  const names = run.planned.map(({ name }) => name)
  return constraintsOf(answers, names).find(
    ({ kind, name }) => (kind === 'unique') === (number !== 547) && quotes(message, name),
  )
}

function quotes(message: string, name: string): boolean {
  return message.includes(`"${name}"`) || message.includes(`'${name}'`)
}

async function queriesFor(
  connection: TargetConnection,
  run: RefusalRun,
  constraint: TargetConstraint,
): Promise<readonly string[] | undefined> {
  const [columns = []] = await answersTo(connection, run, [targetColumnsQuery(run.target)])
  return refusedRowQueries(run.context, constraint, {
    columns: targetColumnsOf(columns),
    targetKey: targetKeyText(run.columns),
    reload: run.unit.reload !== undefined,
  })
}

async function answersTo(
  connection: TargetConnection,
  run: RefusalRun,
  queries: readonly string[],
): Promise<readonly (readonly Row[])[]> {
  const answers = []
  for (const query of queries) answers.push((await connection.batch(query, optionsOf(run))).resultSets[0] ?? [])
  return answers
}

/** Undefined where the queries of a constraint find no row, or the server cannot answer them. */
async function firstOf(
  connection: TargetConnection,
  run: RefusalRun,
  queries: readonly string[],
): Promise<Culprit | undefined> {
  try {
    for (const query of queries) {
      const [[found] = []] = await answersTo(connection, run, [`${query};`])
      const [first, second, held] = [found?.['first'], found?.['second'], found?.['held']]
      if (typeof first !== 'bigint') continue
      const row = await named(connection, run, first)
      if (typeof second === 'bigint') return { kind: 'pair', row, other: await named(connection, run, second) }
      if (typeof held === 'string') return { kind: 'pair', row, other: { key: held } }
      return { kind: 'row', row }
    }
  } catch (error) {
    const { kind, number } = classify(error)
    if (kind !== 'syntax' && (number === undefined || !isAboutRow(number))) throw error
    run.logger.warn({ target: run.target, cause: String(error) }, 'a constraint could not be asked of the stage')
  }
  return undefined
}

/** What is refused without the rest of the unit, or why that is not known. */
async function probed(connection: TargetConnection, run: RefusalRun, refusal: Refusal): Promise<RefusedRange | string> {
  if (firesTriggers(await answersTo(connection, run, triggerQueries(run.target)))) {
    return 'the target has triggers, and looking for it would run them for parts of the unit, with effects that no roll-back undoes'
  }
  const probe: Probe = async ({ among, rows }) => {
    try {
      await connection.batch(run.probe(among, rows), optionsOf(run))
      return undefined
    } catch (error) {
      const { number } = classify(error)
      // A deadlock or a lost connection says nothing of the rows.
      if (number === undefined || !isAboutRow(number)) throw error
      return { number, error }
    }
  }
  const range = await refusedRange({ ...run.unit.sequence, refusal }, probe)
  const besides = run.unit.reload === undefined ? '' : ', for what it deletes because the reload does not contain it'
  return range ?? `the unit is refused without any of its rows${besides}`
}

async function foundIn(connection: TargetConnection, run: RefusalRun, range: RefusedRange): Promise<Found> {
  const { from, to, refusal } = range
  const first = await named(connection, run, from)
  if (from === to) return { refusal, culprit: { kind: 'row', row: first } }
  const last = await named(connection, run, to)
  const count = `SELECT COUNT_BIG(*) AS [rows] FROM ${run.context.stage} WHERE [seq] >= ${bigintLiteral(from)} AND [seq] <= ${bigintLiteral(to)};`
  const [[counted] = []] = await answersTo(connection, run, [count])
  return { refusal, culprit: { kind: 'range', first, last, rows: bigintOf(counted ?? {}, 'rows') } }
}

async function named(connection: TargetConnection, run: RefusalRun, sequence: bigint): Promise<NamedRow> {
  const [[row] = []] = await answersTo(connection, run, [stagedKeyQuery(run.context.stage, run.columns, sequence)])
  return { sequence, key: String(row?.['key']) }
}

/** The column that the message names, else those that were altered since the plan was made. */
async function columnsOf(run: RefusalRun, { error }: Refusal): Promise<readonly string[]> {
  const name = /column '([^']+)'/.exec(messageOf(error))?.[1]
  if (name !== undefined) return [name]
  return await changedColumns(run.server, run.target, { columns: run.planned, ...optionsOf(run) })
}
