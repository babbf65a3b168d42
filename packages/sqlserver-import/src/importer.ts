import { classify, quoteTable } from '@icebridge/sqlserver'
import type { TableDefinition, TableName } from '@icebridge/sqlserver'
import type { AppliedPosition, JournalUnit } from '@icebridge/journal'
import { appliedTable, defaultLockTimeoutMs, positionKey, prepareBatch } from './applied-position.ts'
import { createTargetBatch } from './create-target.ts'
import type { CreateTargetOptions } from './create-target.ts'
import { ImportError } from './errors.ts'
import type { ImportPlan, ImportPlanOptions } from './import-plan.ts'
import type { ImportResult, StraightResult } from './import-result.ts'
import type { BulkSettings } from './bulk-settings.ts'
import { silentLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import type { MergeStrategy } from './merge-strategy.ts'
import { planImport } from './plan-import.ts'
import { positionOf } from './position-row.ts'
import { probeBatch } from './probe-batch.ts'
import { mergeContext, plannedColumns, stageColumns } from './stage.ts'
import { unitBatch } from './unit-batch.ts'
import { runStraight } from './straight-run.ts'
import { runUnit } from './unit-run.ts'
import type { UnitRun } from './unit-run.ts'
import type { Target } from './target.ts'
import { UpsertMergeStrategy } from './upsert-merge.ts'

/** Time, from outside. */
export interface ImportEnvironment {
  nowMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface ImporterOptions {
  /** The target database, such as a `SqlServer`. It stays the caller's to close. */
  readonly target: Target
  readonly environment: ImportEnvironment
  readonly logger?: Logger
  /** By default {@link UpsertMergeStrategy}. */
  readonly strategy?: MergeStrategy
  /** How long a statement waits for a lock, by default 30,000 ms. */
  readonly lockTimeoutMs?: number
  /** How often a unit is begun at most, by default 5. */
  readonly attempts?: number
  /** The pause before the second attempt, by default 200 ms; each further one doubles, up to 30 s. */
  readonly baseDelayMs?: number
  /** Units of at least so many rows lock the whole target instead of its rows. By default none does. */
  readonly tableLockRows?: number
  readonly bulk?: BulkSettings
}

export interface ApplyOptions {
  /** The table's name in `icebridge.applied`, such as `erp.dbo.orders`. */
  readonly tableKey: string
  /** The uuid of the lake table that the unit was read from. */
  readonly tableUuid: string
  /** The position that the unit was cut from: what {@link SqlServerImporter.position} or the last result said. */
  readonly position: AppliedPosition | undefined
  /** Where the lake table is, for people who look into `icebridge.applied`. */
  readonly lakeLocation: string
  readonly runId: string
  readonly signal?: AbortSignal
  /** The unit goes to the journal's head, so that no further row can mend a refusal: it is thrown as `row-refused`, never `widen`. */
  readonly widest?: boolean
  /** Told after each batch how many rows of the unit are staged; a repeated attempt begins at 0 again. */
  readonly onProgress?: (stagedRows: number) => void
}

/**
 * Applies units of a journal to one target database, each exactly once.
 *
 * @see SPEC.md for the protocol.
 */
export class SqlServerImporter {
  readonly #target: Target
  readonly #environment: ImportEnvironment
  readonly #logger: Logger
  readonly #strategy: MergeStrategy
  readonly #lockTimeoutMs: number
  readonly #attempts: number
  readonly #baseDelayMs: number
  readonly #tableLockRows: number
  readonly #bulk: BulkSettings

  constructor(options: ImporterOptions) {
    this.#target = options.target
    this.#environment = options.environment
    this.#logger = options.logger ?? silentLogger
    this.#strategy = options.strategy ?? new UpsertMergeStrategy()
    this.#lockTimeoutMs = options.lockTimeoutMs ?? defaultLockTimeoutMs
    this.#attempts = options.attempts ?? 5
    this.#baseDelayMs = options.baseDelayMs ?? 200
    this.#tableLockRows = options.tableLockRows ?? Infinity
    this.#bulk = options.bulk ?? {}
  }

  /**
   * Creates the schema `icebridge` and the table `icebridge.applied` when they are absent. Idempotent, and safe when several
   * importers begin at once. Needs CREATE SCHEMA and CREATE TABLE only when something is absent.
   */
  async prepare(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const [row] = await this.#target.query({ text: `SELECT OBJECT_ID(N'${appliedTable}', N'U') AS [id]` }, options)
    if (row !== undefined && row['id'] !== null) return
    await this.#target.batch(prepareBatch(this.#lockTimeoutMs), options)
  }

  /**
   * Where the target stands for a table; undefined when nothing was applied yet, or nothing is prepared. Reads only.
   * @throws {ImportError} `newer-version`
   */
  async position(
    tableKey: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<AppliedPosition | undefined> {
    try {
      const rows = await this.#target.query(
        {
          text: `SELECT [table_uuid], [snapshot_id], [sequence], [version] FROM ${appliedTable} WHERE [table_key] = @key`,
          parameters: [{ name: 'key', type: { name: 'nvarchar', length: 400 }, value: positionKey(tableKey) }],
        },
        options,
      )
      return positionOf(rows[0], tableKey)
    } catch (error) {
      // 208, invalid object name: the table is made by prepare().
      if (classify(error).number === 208) return undefined
      throw error
    }
  }

  /** Compares a recorded source definition with the target's, or with the one that would be created. Pure. */
  plan(source: TableDefinition, target: TableDefinition | undefined, options: ImportPlanOptions = {}): ImportPlan {
    const { fireTriggers } = this.#bulk
    return planImport(source, target, { ...(fireTriggers === undefined ? {} : { fireTriggers }), ...options })
  }

  /**
   * Creates the target from a source's definition, in one transaction: the table, its key, and its schema when that is absent.
   * With a table key, a position left by an earlier target is forgotten in the same transaction ({@link prepare} comes first).
   * @throws {ImportError} `target-exists`; nothing was changed.
   */
  async createTarget(
    source: TableDefinition,
    target: TableName,
    options: CreateTargetOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    try {
      await this.#target.batch(
        createTargetBatch(source, target, { lockTimeoutMs: this.#lockTimeoutMs, ...options }),
        options,
      )
    } catch (error) {
      if (classify(error).number !== 2714) throw error
      throw new ImportError('target-exists', `${quoteTable(target)} or its key's name exists already`, {
        hint: 'Apply into the table as it is, or rename one of the two.',
        context: { target: quoteTable(target) },
        cause: error,
      })
    }
  }

  /**
   * Applies one unit and moves the position, both or neither.
   *
   * The unit's batches are iterated once for each time it is staged, so they can be iterated again from the beginning.
   * Transient errors are met by repeating; a lost answer by asking the target where it stands, under the lock.
   * @throws {ImportError} `plan`, `malformed-unit`, `value-does-not-fit`, `row-refused`, `foreign-lake`, `target-replaced`, `target-changed`,
   *   `newer-version`, `locked`, `attempts-exhausted`, `outcome-unknown`; the target is as it was, except for the last, where it is as it was or has all.
   */
  async apply(unit: JournalUnit, plan: ImportPlan, options: ApplyOptions): Promise<ImportResult> {
    const run = this.#run(unit, plan, options)
    const { target, to } = run
    const removes = unit.reload !== undefined
    const tableLock = removes || unit.rows >= this.#tableLockRows
    const context = mergeContext(plan, { tableLock })
    const { planned } = run
    const [strategy, lockTimeoutMs] = [this.#strategy, this.#lockTimeoutMs]
    return await runUnit({
      ...run,
      context,
      widest: options.widest ?? false,
      probe: (among, rows) => probeBatch({ context, strategy, lockTimeoutMs, among, rows, removes }),
      batch: (ascending) =>
        unitBatch({
          tableKey: options.tableKey,
          from: options.position,
          to,
          target,
          lakeLocation: options.lakeLocation,
          runId: options.runId,
          atMs: this.#environment.nowMs(),
          lockTimeoutMs,
          ...(removes ? { removes: context } : {}),
          ...(unit.rows === 0 ? {} : { merge: { strategy, context, ascending, columns: planned } }),
        }),
    })
  }

  /**
   * Loads one completed load straight into the target, without the stage, and writes the position, both or neither; `declined` when the
   * plan stands against it, when the target is not empty, or when it refuses a row. `unit` is the journal's `loadUnit()`: each key once,
   * no deletes. The transaction lasts as long as the load.
   *
   * @throws {ImportError} as {@link apply}.
   */
  async loadStraight(
    unit: JournalUnit,
    plan: ImportPlan,
    options: Omit<ApplyOptions, 'position'>,
  ): Promise<StraightResult> {
    const run = this.#run(unit, plan, { ...options, position: undefined })
    if (!plan.straight.possible) {
      return { status: 'declined', reason: 'plan', message: plan.straight.message, attempts: 0 }
    }
    return await runStraight({
      ...run,
      statement: () => ({
        tableKey: options.tableKey,
        to: run.to,
        target: run.target,
        lakeLocation: options.lakeLocation,
        runId: options.runId,
        atMs: this.#environment.nowMs(),
        lockTimeoutMs: this.#lockTimeoutMs,
        rows: unit.rows,
        columns: run.planned,
      }),
    })
  }

  #run(
    unit: JournalUnit,
    plan: ImportPlan,
    options: ApplyOptions,
  ): Omit<UnitRun, 'batch' | 'probe' | 'context' | 'widest'> {
    const target = quoteTable(plan.target)
    return {
      server: this.#target,
      sleep: (ms, signal) => this.#environment.sleep(ms, signal),
      logger: this.#logger,
      attempts: this.#attempts,
      baseDelayMs: this.#baseDelayMs,
      lockTimeoutMs: this.#lockTimeoutMs,
      unit,
      tableKey: options.tableKey,
      target,
      columns: stageColumns(plan),
      planned: plannedColumns(plan),
      bulk: this.#bulk,
      from: options.position,
      to: positionAfter(unit, options, target),
      onProgress: options.onProgress,
      signal: options.signal,
    }
  }
}

/** A unit goes on from its position: in the same lake table, at a higher or, for a unit without rows, at the same number. */
function positionAfter(unit: JournalUnit, options: ApplyOptions, target: string): AppliedPosition {
  const tableUuid = options.tableUuid.toLowerCase()
  const { position } = options
  if (position !== undefined && position.tableUuid.toLowerCase() !== tableUuid) {
    throw new ImportError('foreign-lake', `${target} stands at a position of another lake table than the unit's`, {
      hint: `The lake table was made anew. To load the target from it, delete the row of ${options.tableKey} from icebridge.applied.`,
      context: { target, position: position.tableUuid, unit: tableUuid },
    })
  }
  const before = position?.sequence ?? 0n
  const sequence = unit.rows === 0 ? before : unit.sequence.to
  if (unit.rows !== 0 && unit.sequence.from <= before) {
    throw new ImportError(
      'malformed-unit',
      `a unit for ${target} begins at ${unit.sequence.from}, which is applied already`,
      {
        hint: 'Cut units from the position that the target has now.',
        context: { target, from: String(unit.sequence.from), position: String(before) },
      },
    )
  }
  return { tableUuid, snapshotId: unit.snapshotId, sequence }
}
