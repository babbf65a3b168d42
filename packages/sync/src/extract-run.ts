import type { ChangeDetectionStrategy, WatermarkRange } from '@icebridge/change-detection'
import type { Environment } from '@icebridge/iceberg-core'
import {
  planJournal,
  type BatchMode,
  type Journal,
  type JournalBatch,
  type JournalCommit,
  type JournalHead,
  type JournalLayout,
  type Lake as JournalLake,
  type LoadChunk,
} from '@icebridge/journal'
import type { ReadQuery, SqlServer, TableDefinition } from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'
import { SyncError } from './errors.ts'
import type { Logger } from './logger.ts'
import { tableText } from './names.ts'
import type { LoadSettings } from './read/load-options.ts'
import { Losses } from './read/losses.ts'
import type { SourceReads } from './read/source-reads.ts'
import type { LoadReport } from './results.ts'
import type { SyncOptions, TableSync } from './table-sync.ts'

/** What the extract leg works with. */
export interface ExtractContext {
  readonly source: SqlServer
  readonly lake: JournalLake
  readonly layout: JournalLayout
  readonly formatVersion: 2 | 3
  readonly environment: Environment
  readonly logger: Logger
  readonly runId: string
}

/** One extract of one table, through all its fresh starts. */
export interface ExtractRun {
  readonly context: ExtractContext
  readonly table: TableSync
  readonly definition: TableDefinition
  readonly strategy: ChangeDetectionStrategy
  readonly settings: LoadSettings
  readonly options: SyncOptions
  readonly reads: SourceReads
  readonly totals: LoadTotals
  /** The query for a range of the source's changes, in the columns of the journal. */
  query(range: WatermarkRange): ReadQuery
}

/** The query of a run, for a journal of these columns. */
export function changesQuery(run: Pick<ExtractRun, 'strategy' | 'definition'>, journal: Journal): ExtractRun['query'] {
  const { reads } = planJournal(run.definition, journal.typeOptions)
  return (range) => run.strategy.changesQuery(run.definition, range, reads)
}

/**
 * Reads rows into a batch, again from the beginning after an error of the source that passes; the files of a try that failed are
 * deleted. The caller disposes of the batch.
 */
export async function fillBatch(
  run: ExtractRun,
  fill: {
    readonly journal: Journal
    readonly head: JournalHead
    readonly mode: BatchMode
    readonly load?: LoadChunk
    readonly read: (attempt: number) => AsyncIterable<RecordBatch>
  },
): Promise<JournalBatch> {
  const { context, options, strategy } = run
  return await run.reads.repeat(async (attempt) => {
    const batch = await fill.journal.beginBatch({
      base: fill.head,
      batchId: context.environment.uuid(),
      mode: fill.mode,
      ...(fill.load === undefined ? {} : { load: fill.load }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    try {
      for await (const rows of fill.read(attempt)) {
        await batch.write(rows, { op: strategy.op })
        run.reads.release(rows)
        options.onProgress?.({
          runId: context.runId,
          table: tableText(run.table.table),
          leg: 'extract',
          rows: run.totals.rows + batch.rows,
          ...(fill.load === undefined ? {} : { chunk: fill.load.chunk }),
        })
      }
      if (batch.rows > 0n) await refuseAltered(run)
      return batch
    } catch (error) {
      await batch.abort()
      throw error
    }
  })
}

/**
 * Rows are read by a query for the columns as they were when the run began: a longer text would be cut by it without an error.
 *
 * @throws {SyncError} `source-altered`
 */
async function refuseAltered({ context, definition, options }: ExtractRun): Promise<void> {
  const { columns } = await context.source.describeTable(definition.table, options)
  const now = new Map(columns.map((column) => [column.name, JSON.stringify(column)]))
  const altered = [...definition.columns, ...columns].find(
    (column) => now.get(column.name) !== JSON.stringify(definition.columns.find(({ name }) => name === column.name)),
  )
  if (altered === undefined) return
  const table = tableText(definition.table)
  throw new SyncError('source-altered', `${table}, column ${altered.name}: it was altered while its rows were read`, {
    hint: 'Run again: what was read is discarded, and the table is described anew.',
    context: { table, column: altered.name },
    retryable: true,
  })
}

type Committed = Extract<JournalCommit, { status: 'committed' }>

/** What a run has committed of a load. */
export class LoadTotals {
  rows = 0n
  chunks = 0
  #snapshotId: bigint | undefined
  #sequence: Committed['sequence']
  readonly #losses = new Losses()
  #begun: { readonly handover: string; readonly chunks: number; readonly key: string | undefined } | undefined

  /** The load that chunks are added to. A second one comes after somebody else committed; the first one's report stays. */
  begin(begun: { readonly handover: string; readonly chunks: number; readonly key: string | undefined }): void {
    this.#begun = this.#begun === undefined ? begun : { ...begun, chunks: this.#begun.chunks }
  }

  add({ rows, snapshotId, sequence }: Committed, losses: Losses): void {
    this.#losses.addAll(losses.counts)
    this.rows += rows
    this.chunks += 1
    this.#snapshotId = snapshotId
    if (sequence !== undefined) this.#sequence = { from: this.#sequence?.from ?? sequence.from, to: sequence.to }
  }

  /** Undefined when the run committed nothing of a load. */
  get committed():
    | (Omit<Committed, 'status'> & {
        readonly watermark: string
        readonly load: LoadReport
        readonly losses: Losses['counts']
      })
    | undefined {
    if (this.#begun === undefined || this.#snapshotId === undefined) return undefined
    return {
      rows: this.rows,
      snapshotId: this.#snapshotId,
      sequence: this.#sequence,
      watermark: this.#begun.handover,
      load: { chunks: this.chunks, resumedAfter: this.#begun.chunks, key: this.#begun.key },
      losses: this.#losses.counts,
    }
  }
}
