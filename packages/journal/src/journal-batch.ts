import type { DataFile, Environment, TableHandle } from '@icebridge/iceberg-core'
import { deleteDataFiles, IcebergAppender } from '@icebridge/iceberg-io'
import type { RecordBatch } from 'apache-arrow'
import { withBookkeeping } from './bookkeeping.ts'
import { commitBatch, outcomeUnknown, type BatchCommit } from './commit-batch.ts'
import { JournalError } from './errors.ts'
import type { FirstLoad, JournalHead } from './journal-head.ts'
import { journalProperty, journalSummary, SYNC_OP, SYNC_SEQ, type BatchMode, type SyncOp } from './names.ts'
import { serializePosition } from './position-json.ts'
import { timesAsMicros } from './retype.ts'
import { rollbackProperty } from './rollbacks.ts'
import { snapshotIdFrom } from './snapshot-id.ts'

/** One chunk of a first load. */
export interface LoadChunk {
  /** The same for every chunk of a load; a restart goes on with the one that the head has. */
  readonly loadId: string
  /** The watermark taken before any row was read. */
  readonly handover: string
  /** From 1, committed in order. */
  readonly chunk: number
  readonly chunks: number
}

export interface BatchOptions {
  /** The head that the source's changes were read after. */
  readonly base: JournalHead
  /** A uuid that no other batch has. */
  readonly batchId: string
  readonly mode: BatchMode
  /** For mode `load`; when absent the batch is all of a load. */
  readonly load?: LoadChunk | undefined
  /** Size at which a data file is closed, in bytes. */
  readonly targetFileSizeBytes?: number | undefined
  /** How often an unknown outcome is looked into, by default 5. */
  readonly commitAttempts?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CommitOptions {
  /** Where the changes in the batch end: the next batch begins there. Of a load, the hand-over when it has no chunk of its own. */
  readonly watermark: string
  readonly strategy: string
  /** Added to the snapshot's summary; keys of icebridge win. */
  readonly summary?: Readonly<Record<string, string>> | undefined
}

/** `conflict`: somebody else committed first; nothing of the batch is left, and the run starts again from the new head. */
export type JournalCommit =
  | {
      readonly status: 'committed'
      readonly snapshotId: bigint
      /** Both inclusive; undefined for a batch without rows. */
      readonly sequence: { readonly from: bigint; readonly to: bigint } | undefined
      readonly rows: bigint
    }
  | { readonly status: 'conflict'; readonly reason: string }

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
  readonly #atMs: number
  #appender: IcebergAppender | undefined
  #rows = 0n
  #state: 'open' | 'ended' = 'open'

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
    this.#atMs = options.environment.nowMs()
  }

  /** Rows written so far. */
  get rows(): bigint {
    return this.#rows
  }

  /**
   * Writes rows: source columns, companions and `_sync_version`, by name and in any order. A column that is absent is null.
   * With op `column` the batch has a column `_sync_op`, without nulls, too. Rows are numbered in the order of the writes.
   *
   * @throws {JournalError} `invalid-argument`; whatever the appender throws.
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
    this.#appender ??= await this.#openAppender()
    const fromSequence = this.#options.base.sequence + this.#rows + 1n
    this.#rows += BigInt(batch.numRows)
    await this.#appender.write(
      withBookkeeping(timesAsMicros(batch, this.#timeColumns), {
        fromSequence,
        op: options.op,
        atMicros: BigInt(this.#atMs) * 1000n,
        batchId: this.batchId,
      }),
    )
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
    return await IcebergAppender.open(this.#table, {
      environment: this.#environment,
      fullMetricsColumns: [SYNC_SEQ],
      sortOrderId: this.#table.loaded.metadata.defaultSortOrderId,
      filePrefix: this.batchId,
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
        schemaId: this.#table.loaded.metadata.currentSchemaId,
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
              [journalSummary.loadChunk]: `${load.chunk}/${load.chunks}`,
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
      }),
    }
  }

  #loadAfter(options: CommitOptions): FirstLoad | undefined {
    if (this.#options.mode !== 'load') return undefined
    const load = this.#options.load ?? { loadId: this.batchId, handover: options.watermark, chunk: 1, chunks: 1 }
    return { ...load, complete: load.chunk === load.chunks }
  }

  #range(): { readonly from: bigint; readonly to: bigint } | undefined {
    const { sequence } = this.#options.base
    return this.#rows === 0n ? undefined : { from: sequence + 1n, to: sequence + this.#rows }
  }

  #checkOpen(verb: string): void {
    if (this.#state === 'ended') throw this.#invalid(`the batch has ended and cannot be ${verb}`)
  }

  #invalid(message: string): JournalError {
    return invalid(this.#label, message)
  }
}

function checkMode(options: BatchOptions, label: string): void {
  const { base, mode, load } = options
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(options.batchId)) {
    throw invalid(label, `${JSON.stringify(options.batchId)} is no uuid for a batch`)
  }
  if (mode !== 'load') {
    if (load !== undefined) throw invalid(label, `a batch of mode ${mode} is no chunk of a load`)
    if (base.watermark === undefined) throw invalid(label, `a batch of mode ${mode} needs a complete first load`)
    return
  }
  if (load === undefined) return
  const { chunk, chunks } = load
  if (!Number.isInteger(chunk) || !Number.isInteger(chunks) || chunk < 1 || chunk > chunks) {
    throw invalid(label, `there is no chunk ${chunk} of ${chunks}`)
  }
  const committed = base.firstLoad?.loadId === load.loadId ? base.firstLoad : undefined
  if (chunk !== (committed?.chunk ?? 0) + 1) {
    throw invalid(label, `chunk ${chunk} of load ${load.loadId} does not follow chunk ${committed?.chunk ?? 0}`)
  }
  if (committed !== undefined && (committed.chunks !== chunks || committed.handover !== load.handover)) {
    throw invalid(label, `load ${load.loadId} was begun with another hand-over or another number of chunks`)
  }
}

function invalid(label: string, message: string): JournalError {
  return new JournalError('invalid-argument', `journal ${label}: ${message}`, {
    hint: 'Read the head again and build the batch on it; see the order of batches in SPEC.md.',
    context: { table: label },
  })
}
