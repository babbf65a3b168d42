import {
  formatIdentifier,
  isIcebergError,
  openTable,
  refreshTable,
  type Catalog,
  type Environment,
  type FileIO,
  type FileIOFactory,
  type TableHandle,
  type TableIdentifier,
} from '@icebridge/iceberg-core'
import type { TableDefinition } from '@icebridge/sqlserver'
import type { AppliedPosition } from './applied-position.ts'
import { createJournalTable } from './create-journal.ts'
import { evolveJournal, type Evolution, type EvolveOptions } from './evolve.ts'
import type { BatchOptions } from './batch-options.ts'
import { JournalBatch } from './journal-batch.ts'
import { journalRecord, type JournalColumn, type JournalRecord } from './journal-column.ts'
import type { FirstLoad, JournalHead } from './journal-head.ts'
import type { JournalRead } from './journal-read.ts'
import type { JournalLayout } from './layout.ts'
import { highestLiveSequence } from './live-files.ts'
import type { JournalPlan } from './plan.ts'
import { readFrom, type ReadOptions } from './read-from.ts'
import { isReloadDue, settlesReload } from './reload-due.ts'
import { positionLost, resolveHead } from './resolve-head.ts'

/** Where journals are: a catalog, the store of its tables' files, and time and ids. */
export interface Lake {
  readonly catalog: Catalog
  readonly io: FileIO | FileIOFactory
  readonly environment: Environment
}

export interface JournalOptions {
  readonly signal?: AbortSignal | undefined
}

/** What a new journal is made of. */
export interface CreateJournal {
  readonly layout: JournalLayout
  readonly plan: JournalPlan
  /** Where the table's files go; by default the catalog decides. */
  readonly location?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * One journal as it was when it was opened or refreshed. Immutable: a newer state is a new object.
 *
 * @see SPEC.md for what holds of its head.
 */
export class Journal {
  readonly table: TableHandle
  readonly environment: Environment
  readonly #record: JournalRecord

  private constructor(table: TableHandle, environment: Environment) {
    this.table = table
    this.environment = environment
    this.#record = journalRecord(table.loaded.metadata, formatIdentifier(table.identifier))
  }

  /**
   * Opens a journal; undefined when there is no such table or namespace.
   *
   * @throws {JournalError} `not-a-journal` or `newer-version`.
   */
  static async open(
    lake: Lake,
    identifier: TableIdentifier,
    options: JournalOptions = {},
  ): Promise<Journal | undefined> {
    try {
      return new Journal(await openTable(lake.catalog, identifier, lake.io, options), lake.environment)
    } catch (error) {
      if (isIcebergError(error, 'no-such-table') || isIcebergError(error, 'no-such-namespace')) return undefined
      throw error
    }
  }

  /**
   * Creates the journal, and its namespace when that is absent. When another process was faster, its journal is opened.
   *
   * @throws {JournalError} `plan` when the plan has problems; nothing is written then.
   */
  static async create(lake: Lake, create: CreateJournal): Promise<Journal> {
    return new Journal(await createJournalTable(lake, create), lake.environment)
  }

  /** `erp_dbo.orders__changes`, for messages. */
  get label(): string {
    return formatIdentifier(this.table.identifier)
  }

  get tableUuid(): string {
    return this.table.loaded.metadata.tableUuid
  }

  /** Every source column that the journal ever had, in order of field id. */
  get columns(): readonly JournalColumn[] {
    return this.#record.columns
  }

  /** The source table as it was last recorded: enough to create a target from the lake alone. Its row count is not known: 0. */
  get definition(): TableDefinition {
    return this.#record.definition
  }

  /**
   * Rows in the journal lack values of a column that changed, as {@link EvolutionChanges.needsReload} says. Stays so until a load
   * that began after it is complete, whoever begins it.
   */
  get reloadDue(): boolean {
    return isReloadDue(this.table.loaded.metadata)
  }

  /**
   * The load that the head is in the middle of, for a restart to go on with; undefined when there is none, or when a column changed
   * after it began, so that a load must begin anew.
   */
  unfinishedLoad(head: JournalHead): FirstLoad | undefined {
    const { firstLoad } = head
    if (firstLoad === undefined || firstLoad.complete) return undefined
    return settlesReload(this.table.loaded.metadata, firstLoad) ? firstLoad : undefined
  }

  /** The declared choices that the journal was made with: a plan for the same table takes them over. */
  get typeOptions(): { readonly timestamps: 'exact' | 'micros'; readonly time: 'time' | 'micros' } {
    return { timestamps: this.#record.recorded.timestamps, time: this.#record.recorded.time }
  }

  /** The same journal in its newest state. */
  async refresh(options: JournalOptions = {}): Promise<Journal> {
    return new Journal(await refreshTable(this.table, options), this.environment)
  }

  /**
   * Where the extract leg stands in this state of the table.
   *
   * @throws {JournalError} `foreign-commit` when a stranger changed rows, `position-lost` when the commit of the watermark is
   *   gone and nothing proves it, `not-a-journal`.
   */
  async head(options: JournalOptions = {}): Promise<JournalHead> {
    const resolved = resolveHead(this.table.loaded.metadata, this.label)
    if (resolved.proof === 'unproven') {
      const { head } = resolved
      if ((await highestLiveSequence(this.table, options)) !== head.sequence) {
        throw positionLost(this.label, { snapshotId: head.carriedBy ?? 0n, sequence: head.sequence })
      }
    }
    return resolved.head
  }

  /**
   * Begins a batch on a head of this state of the journal. Nothing is written before its first rows.
   *
   * @throws {JournalError} `invalid-argument` when the mode or chunk does not follow from the head.
   */
  async beginBatch(options: BatchOptions): Promise<JournalBatch> {
    options.signal?.throwIfAborted()
    return new JournalBatch(this.table, {
      ...options,
      environment: this.environment,
      label: this.label,
      timeColumns: this.#timeColumns(),
    })
  }

  /**
   * Brings the journal's columns in line with the source, in a commit of its own; returns what changed. Idempotent. The batches
   * that follow are begun on {@link Evolution.journal}.
   *
   * @throws {JournalError} `plan` when the source's table has problems; nothing is written then. `conflict` when others keep
   *   changing the schema.
   */
  async evolve(definition: TableDefinition, options: EvolveOptions = {}): Promise<Evolution> {
    const { table, changes } = await evolveJournal(this.table, definition, {
      ...options,
      environment: this.environment,
    })
    return { journal: table === this.table ? this : new Journal(table, this.environment), ...changes }
  }

  /**
   * What a target that stands at `position` has not got yet, at the current snapshot of this state.
   *
   * @throws {JournalError} `table-replaced`, `rolled-back`, `position-mismatch`, `records-removed`, or what {@link head} throws;
   *   each names the snapshot and how to continue.
   */
  async readFrom(position: AppliedPosition | undefined, options: ReadOptions = {}): Promise<JournalRead> {
    return await readFrom(
      {
        table: this.table,
        label: this.label,
        head: await this.head(options),
        columns: this.#record.columns,
        timeColumns: this.#timeColumns(),
      },
      position,
      options,
    )
  }

  #timeColumns(): ReadonlySet<string> {
    const { columns, recorded } = this.#record
    if (recorded.time === 'time') return new Set()
    return new Set(columns.filter(({ definition }) => definition.type.name === 'time').map(({ name }) => name))
  }
}

/** The source table that a journal records: what a target is created from when there is only the lake. */
export function definitionOf(journal: Journal): TableDefinition {
  return journal.definition
}
