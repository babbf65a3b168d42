import { classify } from '@icebridge/sqlserver'
import type { JournalUnit } from '@icebridge/journal'
import { ImportError } from './errors.ts'
import type { Logger } from './logger.ts'
import type { MergeContext } from './merge-strategy.ts'
import { optionsOf } from './outcome.ts'
import type { OutcomeRun } from './outcome.ts'
import type { SequenceRange } from './probe-batch.ts'
import { refusedRowQueries } from './refused-constraint.ts'
import { isAboutRow } from './row-errors.ts'
import type { StageColumn } from './stage.ts'
import { stagedKeyQuery } from './staged-key.ts'
import { constraintQueries, constraintsOf } from './target-constraints.ts'
import type { TargetConstraint } from './target-constraints.ts'
import { changedColumns } from './target-shape.ts'
import type { PlannedColumn } from './target-shape.ts'
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

/** An error that the server raised about the rows of a unit. */
export interface Refusal {
  readonly number: number
  readonly error: unknown
}

/**
 * The error of a unit that the target refused, with key and columns of its first refused row where that can be told. The transaction is rolled
 * back and the stage is as it was; after this it is not.
 *
 * A row that a foreign key or a unique index refuses is asked for in one query, because whether it does depends on the unit's other rows.
 * Any other is found by halves: each half is merged alone, in a transaction that is rolled back, and a row is named only when it fails by
 * itself in the way that the unit did.
 */
export async function refusedRow(
  connection: TargetConnection,
  run: RefusalRun,
  refusal: Refusal,
): Promise<ImportError> {
  try {
    return await found(connection, run, refusal)
  } catch (error) {
    run.signal?.throwIfAborted()
    run.logger.warn({ target: run.target, number: refusal.number, cause: String(error) }, 'a refused row was not found')
    return refused(run, refusal)
  }
}

async function found(connection: TargetConnection, run: RefusalRun, refusal: Refusal): Promise<ImportError> {
  const constraint = await constraintOf(connection, run, refusal)
  const queries = constraint === undefined ? undefined : refusedRowQueries(run.context, constraint)
  const row =
    queries !== undefined
      ? await firstOfQueries(connection, run, { refusal, queries })
      : constraint?.references?.own === true
        ? undefined
        : await firstAlone(connection, run, refusal)
  if (row === undefined) return refused(run, refusal, constraint?.columns)
  const { resultSets } = await connection.batch(
    stagedKeyQuery(run.context.stage, run.columns, row.sequence),
    optionsOf(run),
  )
  const columns = constraint?.columns ?? (await columnsOf(run, row.refusal))
  return refused(run, row.refusal, columns, {
    sequence: row.sequence,
    key: String(resultSets.at(-1)?.[0]?.['key']),
  })
}

/** The constraint that the server's message names. */
async function constraintOf(
  connection: TargetConnection,
  run: RefusalRun,
  { number, error }: Refusal,
): Promise<TargetConstraint | undefined> {
  if (number !== 547 && number !== 2601 && number !== 2627) return undefined
  const answers = []
  for (const query of constraintQueries(run.target)) {
    answers.push((await connection.batch(query, optionsOf(run))).resultSets[0] ?? [])
  }
  const names = run.planned.map(({ name }) => name)
  const message = messageOf(error)
  return constraintsOf(answers, names).find(
    ({ kind, name }) => (kind === 'unique') === (number !== 547) && /["']/.test(message) && quotes(message, name),
  )
}

function quotes(message: string, name: string): boolean {
  return message.includes(`"${name}"`) || message.includes(`'${name}'`)
}

interface FoundRow {
  readonly sequence: bigint
  /** What the row alone brings about. */
  readonly refusal: Refusal
}

async function firstOfQueries(
  connection: TargetConnection,
  run: RefusalRun,
  { refusal, queries }: { readonly refusal: Refusal; readonly queries: readonly string[] },
): Promise<FoundRow | undefined> {
  // The end of a reload deletes rows that are not in the stage, which frees values of a unique index.
  if (refusal.number !== 547 && run.unit.reload !== undefined) return undefined
  for (const query of queries) {
    const { resultSets } = await connection.batch(`${query};`, optionsOf(run))
    const first = resultSets[0]?.[0]?.['first']
    if (typeof first === 'bigint') return { sequence: first, refusal }
  }
  return undefined
}

/** By halves; undefined when no half fails alone as the whole did. At most two probes for each bit of the range. */
async function firstAlone(
  connection: TargetConnection,
  run: RefusalRun,
  refusal: Refusal,
): Promise<FoundRow | undefined> {
  // What no catalog query explains of a unique index may depend on several rows.
  if (refusal.number === 2601 || refusal.number === 2627) return undefined
  let { from, to } = run.unit.sequence
  let last = refusal
  // What fails without any row is no row's fault.
  const none = await refusalOf(connection, run, { among: { from, to }, rows: { from, to: from - 1n } })
  if (none !== undefined) return undefined
  while (from < to) {
    const middle = from + (to - from) / 2n
    const lower = await refusalOf(connection, run, { among: { from, to }, rows: { from, to: middle } })
    if (lower?.number === refusal.number) {
      to = middle
      last = lower
      continue
    }
    const upper = await refusalOf(connection, run, { among: { from, to }, rows: { from: middle + 1n, to } })
    if (upper?.number !== refusal.number) return undefined
    from = middle + 1n
    last = upper
  }
  return { sequence: from, refusal: last }
}

/** What the server says of some rows alone. @throws what is not about rows, such as a deadlock or a lost connection. */
async function refusalOf(
  connection: TargetConnection,
  run: RefusalRun,
  { among, rows }: { readonly among: SequenceRange; readonly rows: SequenceRange },
): Promise<Refusal | undefined> {
  try {
    await connection.batch(run.probe(among, rows), optionsOf(run))
    return undefined
  } catch (error) {
    const { number } = classify(error)
    if (number === undefined || !isAboutRow(number)) throw error
    return { number, error }
  }
}

/** The column that the message names, else those that were altered since the plan was made. */
async function columnsOf(run: RefusalRun, { error }: Refusal): Promise<readonly string[]> {
  const named = /column '([^']+)'/.exec(messageOf(error))?.[1]
  if (named !== undefined) return [named]
  return await changedColumns(run.server, run.target, { columns: run.planned, ...optionsOf(run) })
}

function refused(
  run: RefusalRun,
  { number, error }: Refusal,
  columns: readonly string[] = [],
  row?: { readonly sequence: bigint; readonly key: string },
): ImportError {
  const names = columns.join(', ')
  const where = [
    ...(columns.length === 0 ? [] : [`column${columns.length === 1 ? '' : 's'} ${names}`]),
    ...(row === undefined ? [] : [`row with ${row.key}`]),
  ]
  return new ImportError('row-refused', `${[run.target, ...where].join(', ')}: ${messageOf(error)}`, {
    hint: 'Nothing of the unit was written. Correct the row at its source, or change the target so that it takes the row; then run again.',
    context: {
      target: run.target,
      number,
      ...(columns.length === 0 ? {} : { columns: names }),
      ...(row === undefined ? {} : { sequence: String(row.sequence) }),
    },
    cause: error,
  })
}

/** `error 547: The MERGE statement conflicted with …` */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
