import type { Environment } from '@icebridge/iceberg-core'
import { checkLayout, Journal, layoutFor, type JournalLayout, type Lake as JournalLake } from '@icebridge/journal'
import type { SqlServer, TableDefinition } from '@icebridge/sqlserver'
import { SqlServerImporter, type BulkSettings, type MergeStrategy } from '@icebridge/sqlserver-import'
import type { WatermarkStore } from '@icebridge/watermarks'
import { apply, describeTarget, planTarget, type ApplyContext } from './apply.ts'
import { planError, SyncError } from './errors.ts'
import { extract } from './extract.ts'
import { silentLogger, type Logger } from './logger.ts'
import { positionKey, tableKey, tableText } from './names.ts'
import { planTable } from './plan-table.ts'
import type { TablePlan } from './plan.ts'
import type { ApplyResult, ExtractResult, SyncResult, TableStatus } from './results.ts'
import type { Lake, SyncOptions, TableSync } from './table-sync.ts'
import { verifyTables, type VerifyResult } from './verify/verify.ts'

/** What a coordinator works with. Servers, catalog and stores stay the caller's to close. */
export interface CoordinatorOptions {
  /** The name stands in the lake's namespaces and in the targets' bookkeeping: it must not change later. */
  readonly source: { readonly name: string; readonly server: SqlServer }
  readonly lake: Lake
  /** Without one only the extract leg runs. */
  readonly target?: {
    readonly name: string
    readonly server: SqlServer
    /** By default `UpsertMergeStrategy`. */
    readonly merge?: MergeStrategy
    readonly lockTimeoutMs?: number
    /** How rows are bulk loaded. */
    readonly bulk?: BulkSettings
  }
  /** Gets a copy of each watermark, for people and tools. The lake is the store of record. */
  readonly watermarks?: WatermarkStore
  readonly environment: Environment
  readonly logger?: Logger
}

/**
 * Keeps tables of one source, in one lake and one target, in step. Holds no state of its own: all of it is in the lake's
 * commits and the target's applied positions, so any process can go on where another stopped.
 */
export class IncrementalSyncCoordinator {
  readonly #options: CoordinatorOptions
  readonly #lake: JournalLake
  readonly #logger: Logger
  readonly #importer: SqlServerImporter | undefined

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#lake = { catalog: options.lake.catalog, io: options.lake.io, environment: options.environment }
    this.#logger = options.logger ?? silentLogger
    const { target } = options
    this.#importer =
      target === undefined
        ? undefined
        : new SqlServerImporter({
            target: target.server,
            environment: options.environment,
            logger: this.#logger,
            ...(target.merge === undefined ? {} : { strategy: target.merge }),
            ...(target.lockTimeoutMs === undefined ? {} : { lockTimeoutMs: target.lockTimeoutMs }),
            ...(target.bulk === undefined ? {} : { bulk: target.bulk }),
          })
  }

  /** What a run would do with the table, and everything that would stop it. Changes nothing. */
  async plan(table: TableSync, options: SyncOptions = {}): Promise<TablePlan> {
    const { source, target } = this.#options
    return await planTable(
      { source: source.server, target: target?.server, lake: this.#lake, layout: this.#layout(table) },
      table,
      options,
    )
  }

  /**
   * Both legs, one after the other; or the extract leg alone when there is no target, or the legs that `legs` names.
   * @throws whatever {@link extract} and {@link apply} throw.
   */
  async sync(table: TableSync, options: SyncOptions = {}): Promise<SyncResult> {
    const { environment } = this.#options
    const runId = options.runId ?? environment.uuid()
    const startedAtMs = environment.nowMs()
    const legs = options.legs ?? (this.#options.target === undefined ? ['extract'] : ['extract', 'apply'])
    const run = { ...options, runId }
    let extracted: ExtractResult | undefined
    if (legs.includes('extract')) {
      const definition = await this.#options.source.server.describeTable(table.table, run)
      // What the target would refuse is said before anything is written to the lake.
      if (legs.includes('apply')) await planTarget(this.#applyContext(run), definition, table, run)
      extracted = await this.#extract(table, definition, run)
    }
    const applied = legs.includes('apply') ? await this.apply(table, run) : undefined
    const idle = (extracted?.status ?? 'unchanged') === 'unchanged' && (applied?.status ?? 'unchanged') === 'unchanged'
    const result: SyncResult = {
      runId,
      table: table.table,
      target: applied === undefined ? undefined : (table.target ?? table.table),
      status: idle ? 'unchanged' : 'changed',
      extract: extracted,
      apply: applied,
      startedAtMs,
      durationMs: environment.nowMs() - startedAtMs,
    }
    this.#logger.info({ runId, table: tableText(table.table), status: result.status }, 'run ended')
    return result
  }

  /** The source's changes into the journal. @throws SyncError `plan`, `strategy-changed`, `contention`. */
  async extract(table: TableSync, options: SyncOptions = {}): Promise<ExtractResult> {
    return await this.#extract(table, await this.#options.source.server.describeTable(table.table, options), options)
  }

  async #extract(table: TableSync, definition: TableDefinition, options: SyncOptions): Promise<ExtractResult> {
    const { source, environment, lake } = this.#options
    const runId = options.runId ?? environment.uuid()
    const layout = this.#layout(table)
    const problems = checkLayout([layout])
    if (problems.length > 0) throw planError(tableText(table.table), problems)
    const { journal, result, strategy } = await extract(
      {
        source: source.server,
        lake: this.#lake,
        layout,
        formatVersion: lake.formatVersion ?? 2,
        environment,
        logger: this.#logger,
        runId,
      },
      table,
      definition,
      options,
    )
    if (result.status === 'committed') await this.#copyWatermark(table, runId, { journal, strategy, options })
    return result
  }

  /** The journal's changes into the target. @throws SyncError `plan`, `no-journal`, `not-configured`, `contention`. */
  async apply(table: TableSync, options: SyncOptions = {}): Promise<ApplyResult> {
    const journal = await this.#openJournal(table, options)
    if (journal === undefined) {
      throw new SyncError('no-journal', `${tableText(table.table)} has no journal in the lake yet`, {
        hint: 'Run the extract leg first.',
        context: { table: tableText(table.table) },
      })
    }
    return await apply(this.#applyContext(options), journal, table, options)
  }

  /** Compares source and target value by value as they are now. @throws SyncError `not-configured`, `plan`. */
  async verify(table: TableSync, options: SyncOptions = {}): Promise<VerifyResult> {
    const { source } = this.#options
    const { target } = this.#applyContext(options)
    return await verifyTables(
      { server: source.server, table: await source.server.describeTable(table.table, options) },
      { server: target, table: await target.describeTable(table.target ?? table.table, options) },
      {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(table.loneSurrogates === undefined ? {} : { loneSurrogates: table.loneSurrogates }),
        ...(table.load?.maxValueBytes === undefined ? {} : { maxValueBytes: table.load.maxValueBytes }),
      },
    )
  }

  /** Where the table stands. Changes nothing. */
  async status(table: TableSync, options: SyncOptions = {}): Promise<TableStatus> {
    const journal = await this.#openJournal(table, options)
    const head = await journal?.head(options)
    const { target, source } = this.#options
    const name = table.target ?? table.table
    const position = await this.#importer?.position(positionKey(source.name, table.table, name), options)
    return {
      table: table.table,
      journal:
        journal === undefined || head === undefined
          ? undefined
          : {
              name: journal.label,
              strategy: head.strategy,
              watermark: head.watermark,
              snapshotId: head.snapshotId,
              sequence: head.sequence,
              committedAtMs: head.lastCommitAtMs,
              loading: head.firstLoad?.complete === false ? { chunks: head.firstLoad.chunk } : undefined,
            },
      target:
        target === undefined
          ? undefined
          : {
              table: name,
              exists: (await describeTarget(target.server, name, options)) !== undefined,
              position,
              behind: (head?.sequence ?? 0n) - (position?.sequence ?? 0n),
            },
    }
  }

  /** The name of the table's journal, as catalogs have it: namespace levels, then the table. */
  journalName(table: TableSync): readonly string[] {
    const layout = this.#layout(table)
    return [...layout.namespace, layout.journalName]
  }

  #layout(table: TableSync): JournalLayout {
    const { source, lake } = this.#options
    return layoutFor({
      source: source.name,
      table: table.table,
      database: source.server.database,
      ...(lake.namespace === undefined ? {} : { template: lake.namespace }),
    })
  }

  async #openJournal(table: TableSync, options: SyncOptions): Promise<Journal | undefined> {
    const layout = this.#layout(table)
    return await Journal.open(this.#lake, { namespace: layout.namespace, name: layout.journalName }, options)
  }

  #applyContext(options: SyncOptions): ApplyContext {
    const { target, source, environment } = this.#options
    if (target === undefined || this.#importer === undefined) {
      throw new SyncError('not-configured', `${source.name} has no target to apply to`, {
        hint: 'Name a target for the table.',
        context: { source: source.name },
      })
    }
    return {
      sourceName: source.name,
      target: target.server,
      importer: this.#importer,
      environment,
      logger: this.#logger,
      runId: options.runId ?? environment.uuid(),
    }
  }

  /** The copy is for people: when it cannot be written the run has happened all the same, and the log says so. */
  async #copyWatermark(
    table: TableSync,
    runId: string,
    run: { readonly journal: Journal; readonly strategy: string; readonly options: SyncOptions },
  ): Promise<void> {
    const { watermarks, source, environment } = this.#options
    if (watermarks === undefined) return
    const head = await run.journal.head(run.options)
    if (head.watermark === undefined || head.snapshotId === undefined) return
    try {
      await watermarks.write({
        table: tableKey(source.name, table.table),
        strategy: run.strategy,
        watermark: head.watermark,
        snapshotId: head.snapshotId.toString(),
        sequence: head.sequence.toString(),
        updatedAt: new Date(environment.nowMs()).toISOString(),
        runId,
      })
    } catch (error) {
      this.#logger.warn({ runId, table: tableText(table.table), error }, 'the copy of the watermark was not written')
    }
  }
}
