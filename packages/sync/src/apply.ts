import type { Environment } from '@icebridge/iceberg-core'
import type { AppliedPosition, Journal, JournalUnit } from '@icebridge/journal'
import type { SqlServer, TableDefinition, TableName } from '@icebridge/sqlserver'
import { isSqlServerError } from '@icebridge/sqlserver'
import type {
  ApplyOptions,
  ImportPlan,
  ImportPlanOptions,
  ImportResult,
  SqlServerImporter,
} from '@icebridge/sqlserver-import'
import { planError, SyncError, type SyncProblem } from './errors.ts'
import type { Logger } from './logger.ts'
import { positionKey, tableText } from './names.ts'
import type { ApplyResult, FirstLoadWay } from './results.ts'
import type { SyncOptions, TableSync } from './table-sync.ts'

const defaultMaxUnitRows = 100_000
/** How often units are cut anew because the target's position moved. */
const mostRestarts = 10

/** What the apply leg works with. */
export interface ApplyContext {
  readonly sourceName: string
  readonly target: SqlServer
  readonly importer: SqlServerImporter
  readonly environment: Environment
  readonly logger: Logger
  readonly runId: string
}

interface Totals {
  rows: bigint
  units: number
  alreadyApplied: number
  inserted: bigint
  updated: bigint
  deleted: bigint
  unchanged: bigint
  losses: Record<string, bigint>
  firstLoad: FirstLoadWay | undefined
}

/**
 * Brings the target to the journal's head, unit by unit; each unit and its position are committed together.
 *
 * @throws SyncError `plan` before anything is written; `contention`; whatever the importer and the journal throw.
 */
export async function apply(
  context: ApplyContext,
  journal: Journal,
  table: TableSync,
  options: SyncOptions,
): Promise<ApplyResult> {
  const startedMs = context.environment.nowMs()
  const key = keyOf(context, table)
  const { plan, createdTarget } = await prepareTarget(context, journal, table, options)
  const totals: Totals = {
    rows: 0n,
    units: 0,
    alreadyApplied: 0,
    inserted: 0n,
    updated: 0n,
    deleted: 0n,
    unchanged: 0n,
    losses: {},
    firstLoad: undefined,
  }
  let furthest = -1n
  for (let restarts = 0; restarts <= mostRestarts; restarts++) {
    options.signal?.throwIfAborted()
    const position = await context.importer.position(key, options)
    // Only restarts that got nowhere count: a flaky line that settles unit after unit is no contention.
    if ((position?.sequence ?? 0n) > furthest) restarts = 0
    furthest = position?.sequence ?? 0n
    const end = await applyFrom(context, { journal, table, plan, position, options, totals })
    if (end === 'moved') continue
    return {
      status: totals.units + totals.alreadyApplied > 0 || createdTarget ? 'applied' : 'unchanged',
      ...totals,
      createdTarget,
      position: end,
      durationMs: context.environment.nowMs() - startedMs,
    }
  }
  throw new SyncError('contention', `${tableText(plan.target)}: other importers kept moving its position`, {
    hint: 'Run one importer a target table at a time.',
    context: { target: tableText(plan.target) },
    retryable: true,
  })
}

function keyOf(context: ApplyContext, table: TableSync): string {
  return positionKey(context.sourceName, table.table, table.target ?? table.table)
}

interface Application {
  readonly journal: Journal
  readonly table: TableSync
  readonly plan: ImportPlan
  readonly position: AppliedPosition | undefined
  readonly options: SyncOptions
  readonly totals: Totals
}

/** Applies all units from a position; `moved` when somebody else's position was found, so that the rest must be cut anew. */
async function applyFrom(
  context: ApplyContext,
  application: Application,
): Promise<AppliedPosition | undefined | 'moved'> {
  const { journal, table, plan, options, totals } = application
  const read = await journal.readFrom(application.position, options)
  let { position } = application
  const load = totals.firstLoad === undefined ? read.loadUnit() : undefined
  if (load !== undefined) {
    // What is left is read from the new position.
    if ((await applyFirstLoad(context, application, load)) !== 'staged') return 'moved'
  }
  const units = read.units({ maxRows: table.maxUnitRows ?? defaultMaxUnitRows, wholeSnapshots: !plan.cutAnywhere })
  for await (const unit of units) {
    const result = await applyUnit(context, application, unit, { position })
    if (result.status === 'applied') {
      position = result.position
      continue
    }
    if (result.status === 'alreadyApplied') totals.alreadyApplied += 1
    if (result.status !== 'widen') return 'moved'
    // What refused the unit may be mended by rows further on: everything up to the head, in one transaction, once.
    const widened = await applyUnit(context, application, read.widen(unit.sequence.from), { position, widest: true })
    if (widened.status === 'widen') throw widened.cause
    if (widened.status === 'alreadyApplied') totals.alreadyApplied += 1
    return widened.status === 'applied' ? widened.position : 'moved'
  }
  return position
}

/** Tries the straight way. `staged`: the target is as it was, and the load goes on as units. */
async function applyFirstLoad(
  context: ApplyContext,
  application: Application,
  load: JournalUnit,
): Promise<'straight' | 'staged' | 'moved'> {
  const { table, plan, totals } = application
  if (table.straightLoad === 'never') {
    totals.firstLoad = { way: 'staged', reason: 'never', message: 'straightLoad is never' }
    return 'staged'
  }
  const result = await context.importer.loadStraight(load, plan, applyOptions(context, application))
  context.logger.debug({ runId: context.runId, target: tableText(plan.target), status: result.status }, 'first load')
  switch (result.status) {
    case 'applied':
      totals.firstLoad = { way: 'straight' }
      count(totals, result)
      return 'straight'
    case 'declined': {
      const { message } = result
      const reason = plan.straight.possible || result.reason !== 'plan' ? result.reason : plan.straight.reason
      totals.firstLoad = { way: 'staged', reason, message }
      context.logger.info({ runId: context.runId, target: tableText(plan.target), reason }, message)
      return 'staged'
    }
    case 'alreadyApplied':
      totals.alreadyApplied += 1
      return 'moved'
    case 'conflict':
      return 'moved'
    default:
      return result satisfies never
  }
}

async function applyUnit(
  context: ApplyContext,
  application: Application,
  unit: JournalUnit,
  from: Pick<ApplyOptions, 'position' | 'widest'>,
): Promise<ImportResult> {
  const { plan, totals } = application
  const result = await context.importer.apply(unit, plan, { ...applyOptions(context, application), ...from })
  context.logger.debug({ runId: context.runId, target: tableText(plan.target), status: result.status }, 'unit')
  if (result.status === 'applied') count(totals, result)
  return result
}

function applyOptions(
  context: ApplyContext,
  { journal, table, options, totals }: Application,
): Omit<ApplyOptions, 'position'> {
  const before = totals.rows
  return {
    tableKey: keyOf(context, table),
    tableUuid: journal.tableUuid,
    lakeLocation: journal.table.loaded.metadata.location,
    runId: context.runId,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: (staged) =>
      options.onProgress?.({
        runId: context.runId,
        table: tableText(table.table),
        leg: 'apply',
        rows: before + BigInt(staged),
      }),
  }
}

function count(totals: Totals, result: Extract<ImportResult, { status: 'applied' }>): void {
  totals.rows += result.rows
  totals.units += 1
  totals.inserted += result.merge.inserted
  totals.updated += result.merge.updated
  totals.deleted += result.merge.deleted + result.removed
  totals.unchanged += result.merge.unchanged
  for (const [column, values] of Object.entries(result.losses ?? {})) {
    totals.losses[column] = (totals.losses[column] ?? 0n) + values
  }
}

/**
 * How a table with this definition goes into the target as it is now. Changes nothing.
 *
 * @throws SyncError `plan` with everything that stands against it.
 */
export async function planTarget(
  context: Pick<ApplyContext, 'target' | 'importer'>,
  definition: TableDefinition,
  table: TableSync,
  options: SyncOptions,
): Promise<{ readonly plan: ImportPlan; readonly exists: boolean }> {
  const name = table.target ?? table.table
  const existing = await describeTarget(context.target, name, options)
  const plan = context.importer.plan(definition, existing, importOptions(table))
  const problems = plan.problems.map((problem): SyncProblem => ({ ...problem, table: tableText(name) }))
  if (existing === undefined && table.createTarget === false) {
    problems.unshift({
      code: 'no-target',
      table: tableText(name),
      message: 'the target table does not exist',
      hint: 'Create it, or set createTarget to true.',
    })
  }
  if (problems.length > 0) throw planError(tableText(name), problems)
  return { plan, exists: existing !== undefined }
}

/** A table's settings as the import plan takes them. */
export function importOptions(table: TableSync): ImportPlanOptions {
  return {
    target: table.target ?? table.table,
    ...(table.skipColumns === undefined ? {} : { skipColumns: table.skipColumns }),
    ...(table.allowLoss === undefined ? {} : { allowLoss: table.allowLoss }),
  }
}

/** Plans against the target as it is, creates it when it is absent and may be, and prepares the bookkeeping. */
async function prepareTarget(
  context: ApplyContext,
  journal: Journal,
  table: TableSync,
  options: SyncOptions,
): Promise<{ readonly plan: ImportPlan; readonly createdTarget: boolean }> {
  const { plan, exists } = await planTarget(context, journal.definition, table, options)
  for (const note of plan.notes) {
    context.logger.info({ runId: context.runId, target: tableText(plan.target), ...note }, note.message)
  }
  await context.importer.prepare(options)
  if (exists) return { plan, createdTarget: false }
  const { columns } = journal.definition
  const created = { ...journal.definition, columns: columns.filter(({ name }) => !table.skipColumns?.includes(name)) }
  await context.importer.createTarget(created, plan.target, {
    tableKey: keyOf(context, table),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  return { plan: (await planTarget(context, journal.definition, table, options)).plan, createdTarget: true }
}

/** The target table's definition; undefined when there is no such table. */
export async function describeTarget(
  target: SqlServer,
  name: TableName,
  options: { readonly signal?: AbortSignal },
): Promise<TableDefinition | undefined> {
  try {
    return await target.describeTable(name, options)
  } catch (error) {
    if (isSqlServerError(error, 'no-such-table')) return undefined
    throw error
  }
}
