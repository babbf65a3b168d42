import type { DataFile, Environment, TableHandle } from '@icebridge/iceberg-core'
import { deleteDataFiles, IcebergAppender } from '@icebridge/iceberg-io'
import type { RecordBatch } from 'apache-arrow'
import { Bookkeeper } from './bookkeeping.ts'
import { checkMode, invalid, type BatchOptions, type CommitOptions, type JournalCommit } from './batch-options.ts'
import { commitBatch, outcomeUnknown, type BatchCommit } from './commit-batch.ts'
import { completedLoadProperty } from './completed-load.ts'
import type { JournalError } from './errors.ts'
import type { FirstLoad } from './journal-head.ts'
import { journalProperty, journalSummary, SYNC_OP, SYNC_SEQ, type SyncOp } from './names.ts'
import { formatChunk, serializePosition } from './position-json.ts'
import { timesAsMicros } from './retype.ts'
import { reloadProperty } from './reload-due.ts'
import { rollbackProperty } from './rollbacks.ts'
import { snapshotIdFrom } from './snapshot-id.ts'

/** Rows buffered before a row group is written, in bytes, unless the table's properties say otherwise. */
const rowGroupBytes = 8 * 1024 * 1024

/**
 * Rows on their way into a journal: written to files as they come, visible at {@link commit} all at once, or never.
 *
 * Not for use by several callers at a time. Dispose of it, or call {@link abort}, when it is not committed.
 */
export class JournalBatch implements AsyncDisposable {
  readonly batchId: string
  readonly #table: TableHandle
  readonly #options: BatchOptions
  readonly #environment: Environment
  readonly #label: string
  readonly #timeColumns: ReadonlySet<string>
  readonly #bookkeeper: Bookkeeper
  #appender: IcebergAppender | undefined
  #rows = 0n
  /** `failed`: a write threw, so what is in the files is not what was asked for. */
  #state: 'open' | 'failed' | 'ended' = 'open'

  /** @internal Use `Journal.beginBatch`. */
  constructor(
    table: TableHandle,
    options: BatchOptions & {
      readonly environment: Environment
      readonly label: string
      readonly timeColumns: ReadonlySet<string>
    },
  ) {
    checkMode(options, options.label)
    this.batchId = options.batchId
    this.#table = table
    this.#options = options
    this.#environment = options.environment
    this.#label = options.label
    this.#timeColumns = options.timeColumns
    this.#bookkeeper = new Bookkeeper({
      atMicros: BigInt(options.environment.nowMs()) * 1000n,
      batchId: options.batchId,
    })
  }

  /** Rows written so far. */
  get rows(): bigint {
    return this.#rows
  }

  /**
   * Writes rows: source columns, companions and `_sync_version`, by name and in any order. A column that is absent is null.
   * With op `column` the batch has a column `_sync_op`, without nulls, too. Rows are numbered in the order of the writes. Once this
   * resolves nothing of the batch is needed any more: its memory may be used again.
   *
   * @throws {JournalError} `invalid-argument`; whatever the appender throws, after which the batch can only be aborted.
   */
  async write(batch: RecordBatch, options: { readonly op: SyncOp | 'column' }): Promise<void> {
    this.#checkOpen('written to')
    this.#options.signal?.throwIfAborted()
    if (this.#options.mode === 'heartbeat') throw this.#invalid('a heartbeat has no rows')
    const names = new Set(batch.schema.fields.map((field) => field.name))
    if (names.has(SYNC_SEQ)) throw this.#invalid(`the rows have a column ${SYNC_SEQ} already`)
    if (names.has(SYNC_OP) !== (options.op === 'column')) {
      throw this.#invalid(
        options.op === 'column'
          ? `the rows have no column ${SYNC_OP}`
          : `the rows have a column ${SYNC_OP} of their own`,
      )
    }
    if (batch.numRows === 0) return
    const fromSequence = this.#options.base.sequence + this.#rows + 1n
    const rows = this.#bookkeeper.add(timesAsMicros(batch, this.#timeColumns), { fromSequence, op: options.op })
    try {
      this.#appender ??= await this.#openAppender()
      await this.#appender.write(rows)
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
    this.#rows += BigInt(batch.numRows)
  }

  /**
   * Commits the rows and moves the watermark, both or neither. Without rows it is an empty append that moves the watermark.
   *
   * @throws {JournalError} `outcome-unknown`: the files are kept, and the next run finds out. After any other error nothing of
   *   the batch is left.
   */
  async commit(options: CommitOptions): Promise<JournalCommit> {
    this.#checkOpen('committed')
    this.#state = 'ended'
    const { signal } = this.#options
    const files = await this.#finish()
    const commit = this.#commitOf(files, options)
    const outcome = await commitBatch(this.#table, commit, {
      environment: this.#environment,
      attempts: Math.max(1, this.#options.commitAttempts ?? 5),
      signal,
    })
    switch (outcome.status) {
      case 'committed':
        return {
          status: 'committed',
          snapshotId: outcome.snapshot.snapshotId,
          sequence: this.#range(),
          rows: this.#rows,
        }
      case 'conflict':
        await deleteDataFiles(this.#table.io, files)
        return outcome
      case 'failed':
        await deleteDataFiles(this.#table.io, files)
        throw outcome.cause
      case 'unknown':
        throw outcomeUnknown(commit, outcome.cause)
    }
  }

  /** Deletes what was written. Nothing happens to a batch that has ended. */
  async abort(): Promise<void> {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    await this.#appender?.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort()
  }

  async #finish(): Promise<readonly DataFile[]> {
    if (this.#appender === undefined) return []
    try {
      return await this.#appender.finish()
    } catch (error) {
      await this.#appender.abort()
      throw error
    }
  }

  async #openAppender(): Promise<IcebergAppender> {
    const { targetFileSizeBytes, signal } = this.#options
    const { metadata } = this.#table.loaded
    return await IcebergAppender.open(this.#table, {
      environment: this.#environment,
      fullMetricsColumns: [SYNC_SEQ],
      filePrefix: this.batchId,
      // A unit of a target decodes whole row groups: small ones keep both legs' memory low.
      ...(metadata.properties['write.parquet.row-group-size-bytes'] === undefined ? { rowGroupBytes } : {}),
      ...(targetFileSizeBytes === undefined ? {} : { targetFileSizeBytes }),
      ...(signal === undefined ? {} : { signal }),
    })
  }

  #commitOf(files: readonly DataFile[], options: CommitOptions): BatchCommit {
    const { base, mode } = this.#options
    const range = this.#range()
    const sequence = base.sequence + this.#rows
    const load = this.#loadAfter(options)
    const watermark = load === undefined ? options.watermark : load.complete ? load.handover : undefined
    const { strategy } = options
    return {
      base: {
        head: base,
        metadata: this.#table.loaded.metadata,
        batchId: this.batchId,
        label: this.#label,
      },
      files,
      snapshotId: snapshotIdFrom(this.#environment),
      summary: {
        ...options.summary,
        [journalSummary.batchId]: this.batchId,
        [journalSummary.mode]: mode,
        [journalSummary.strategy]: strategy,
        [journalSummary.sequence]: String(sequence),
        ...(watermark === undefined ? {} : { [journalSummary.watermark]: watermark }),
        ...(range === undefined ? {} : { [journalSummary.seqRange]: `${range.from}-${range.to}` }),
        ...(load === undefined
          ? {}
          : {
              [journalSummary.loadId]: load.loadId,
              [journalSummary.loadHandover]: load.handover,
              [journalSummary.loadChunk]: formatChunk(load),
              ...(load.cursor === undefined ? {} : { [journalSummary.loadCursor]: load.cursor }),
              ...(load.from === undefined ? {} : { [journalSummary.loadFrom]: String(load.from) }),
            }),
      },
      properties: (attempt, metadata) => ({
        [journalProperty.position]: serializePosition({
          watermark,
          strategy,
          sequence,
          snapshotId: attempt.snapshotId,
          committedAtMs: attempt.timestampMs,
          firstLoad: load,
        }),
        ...rollbackProperty(metadata, this.#label),
        ...reloadProperty(metadata, load),
        ...completedLoadProperty(load, { sequence, snapshotId: attempt.snapshotId }),
      }),
    }
  }

  #loadAfter(options: CommitOptions): FirstLoad | undefined {
    if (this.#options.mode !== 'load') return undefined
    const load = this.#options.load ?? { loadId: this.batchId, handover: options.watermark, chunk: 1, chunks: 1 }
    // Chunks of one load follow one another without anything in between, so its rows are one range.
    const { base } = this.#options
    const from = load.chunk === 1 ? base.sequence + 1n : base.firstLoad?.from
    return { ...load, complete: load.chunk === load.chunks, from }
  }

  #range(): { readonly from: bigint; readonly to: bigint } | undefined {
    const { sequence } = this.#options.base
    return this.#rows === 0n ? undefined : { from: sequence + 1n, to: sequence + this.#rows }
  }

  #checkOpen(verb: string): void {
    if (this.#state === 'ended') throw this.#invalid(`the batch has ended and cannot be ${verb}`)
    if (this.#state === 'failed') throw this.#invalid(`a write to the batch failed, so it cannot be ${verb}`)
  }

  #invalid(message: string): JournalError {
    return invalid(this.#label, message)
  }
}
