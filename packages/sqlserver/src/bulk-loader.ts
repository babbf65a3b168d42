import { columnView, type ColumnView } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import type { ByteSink } from './bulk-types/byte-sink.ts'
import { cellWriter, UnwritableValue, type CellWriter, type CharacterCheck } from './bulk-types/column-writer.ts'
import { driverType } from './bulk-types/driver-type.ts'
import { RowBuffer } from './bulk-types/row-buffer.ts'
import { wireType } from './bulk-types/wire-type.ts'
import { describeRow } from './bulk-types/row-key.ts'
import type { BulkColumn, BulkTarget } from './bulk-target.ts'
import { requestError } from './driver-errors.ts'
import { SqlServerError } from './errors.ts'
import { quoteName } from './quoting.ts'
import { RowGroups } from './row-groups.ts'
import type { Session } from './session.ts'

/** How a bulk load is bounded and stopped. */
export interface BulkLoadOptions {
  readonly signal?: AbortSignal
  /** How long it may go without progress, the server's work after the last row included; 0 is no limit. */
  readonly timeoutMs?: number
  /**
   * Rows that one INSERT BULK takes at most; by default one takes all. Each is a statement of its own: outside a transaction, those
   * before one that fails stay.
   *
   * @see https://learn.microsoft.com/sql/relational-databases/import-export/manage-batches-for-bulk-import-sql-server
   */
  readonly batchRows?: number
}

/** What the loader needs to know besides. */
export interface BulkEnvironment {
  /** Refuses text that the column's code page cannot hold; undefined where any text can be held. */
  readonly checkFor: (column: BulkColumn) => CharacterCheck | undefined
}

/**
 * Loads batches into one table with one INSERT BULK, all rows or none, or with one for each `batchRows`. Values go straight from the batches' buffers to the socket;
 * batches are pulled as the server takes the rows.
 *
 * A value that the column cannot hold exactly stops the load and names column and row. The connection stays usable after an error
 * of the server or of a value.
 *
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/88176081-df75-4b24-bcfb-4c16ff03cbfa
 */
export async function loadBatches(
  session: Session,
  target: BulkTarget,
  batches: AsyncIterable<RecordBatch>,
  options: BulkLoadOptions & BulkEnvironment,
): Promise<{ readonly rows: bigint }> {
  options.signal?.throwIfAborted()
  if (target.columns.length === 0) throw new SqlServerError('invalid-argument', 'a bulk load needs a column')
  const { batchRows } = options
  if (batchRows === undefined) return { rows: await loadOnce(session, target, { batches, firstRow: 0 }, options) }
  if (!Number.isInteger(batchRows) || batchRows < 1) {
    throw new SqlServerError('invalid-argument', `batchRows is ${batchRows}, which is not a whole number above 0`)
  }
  const groups = new RowGroups(batches, batchRows)
  let rows = 0n
  try {
    while (await groups.more()) {
      rows += await loadOnce(session, target, { batches: groups.group(), firstRow: Number(rows) }, options)
    }
  } finally {
    await groups.close()
  }
  return { rows }
}

/** The rows of one INSERT BULK, and the number that its first row has in the whole load. */
interface BulkRows {
  readonly batches: AsyncIterable<RecordBatch>
  readonly firstRow: number
}

async function loadOnce(
  session: Session,
  target: BulkTarget,
  source: BulkRows,
  options: BulkLoadOptions & BulkEnvironment,
): Promise<bigint> {
  const release = session.occupy()
  const feed = new RowFeed(target, source, options.checkFor)
  let stopped: { readonly error: unknown } | undefined
  try {
    const rows = await new Promise<number>((resolve, reject) => {
      const {
        checkConstraints = false,
        fireTriggers = false,
        keepNulls = true,
        lockTable = false,
        order = [],
      } = target.options ?? {}
      const bulk = session.connection.newBulkLoad(
        target.table,
        {
          checkConstraints,
          fireTriggers,
          keepNulls,
          lockTable,
          order: Object.fromEntries(order.map(({ column, direction }) => [quoteName(column), direction])),
        },
        (error, count) => (error === undefined || error === null ? resolve(count ?? 0) : reject(error)),
      )
      // Progress is watched here; the driver's own timer would count the whole upload.
      bulk.setTimeout(0)
      for (const [index, column] of target.columns.entries()) {
        const wire = wireType(column.type)
        bulk.addColumn(
          // The driver puts the name between brackets as it is.
          quoteName(column.name).slice(1, -1),
          // The first column gives the driver whole rows.
          driverType(wire.type, wire, (sink) => (index === 0 ? feed.write(sink) : undefined)),
          { nullable: column.nullable },
        )
      }
      const stop = (error: unknown): void => {
        stopped ??= { error }
        feed.stop(error)
        bulk.cancel()
      }
      feed.watch(options.timeoutMs ?? 0, (error) => {
        stopped ??= { error }
        feed.stop(error)
        // A server that takes nothing will not acknowledge a cancellation either.
        session.destroy()
      })
      const onAbort = (): void => stop(options.signal?.reason)
      options.signal?.addEventListener('abort', onAbort, { once: true })
      feed.onClose = () => options.signal?.removeEventListener('abort', onAbort)
      session.connection.execBulkLoad(bulk, feed as unknown as AsyncIterable<unknown[]>) // its next() may answer at once
    })
    return BigInt(rows)
  } catch (error) {
    if (stopped !== undefined) throw stopped.error
    throw feed.failure?.error ?? requestError(error, 'the bulk load')
  } finally {
    feed.close()
    release()
  }
}

/** The token before each row. @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/88176081-df75-4b24-bcfb-4c16ff03cbfa */
const ROW = 0xd1

/** A row for the driver, and those after it; the values come from the batch, by way of the column types. */
const PLACEHOLDER: IteratorResult<readonly never[], undefined> = { done: false, value: [] }
const DONE: IteratorResult<readonly never[], undefined> = { done: true, value: undefined }

/**
 * The driver's row source: inside a batch it answers at once, between batches with a promise. What it hands over is a placeholder:
 * the type of the first column asks {@link write} for the current row, and gets others with it: the driver's own work for a row, which
 * knows nothing of its values, is done once for many.
 */
class RowFeed implements AsyncIterable<readonly never[]> {
  /** The error of a value or of the source, as it is to be thrown. */
  failure: { readonly error: unknown } | undefined
  onClose: (() => void) | undefined
  readonly #target: BulkTarget
  readonly #source: AsyncIterator<RecordBatch>
  readonly #checks: readonly (CharacterCheck | undefined)[]
  readonly #stopped: Promise<never>
  #stop: (error: unknown) => void = () => {}
  readonly #buffer = new RowBuffer()
  #writers: readonly CellWriter[] = []
  #row = -1
  #rows = 0
  #before: number
  #batch: RecordBatch | undefined
  #progress = 0
  #waiting = false
  #watchdog: NodeJS.Timeout | undefined

  constructor(target: BulkTarget, source: BulkRows, checkFor: BulkEnvironment['checkFor']) {
    this.#target = target
    this.#before = source.firstRow
    this.#source = source.batches[Symbol.asyncIterator]()
    this.#checks = target.columns.map(checkFor)
    this.#stopped = new Promise((_, reject) => {
      this.#stop = reject
    })
    this.#stopped.catch(() => {})
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly never[]> {
    // The driver takes a plain answer of next() where it needs no turn of the event loop.
    return {
      next: () => this.#next() as Promise<IteratorResult<readonly never[], undefined>>,
      return: async () => {
        await this.#source.return?.()
        return DONE
      },
    }
  }

  /** Writes rows from the current one on, as many as go in one piece. The driver wrote the token of the first. */
  write(sink: ByteSink): void {
    const buffer = this.#buffer
    const writers = this.#writers
    let index = 0
    try {
      for (;;) {
        const row = this.#row
        for (index = 0; index < writers.length; index += 1) (writers[index] as CellWriter)(buffer, row) // within its length
        if (buffer.endRow() || row + 1 === this.#rows) break
        this.#row = row + 1
        buffer.writeUInt8(ROW)
      }
      buffer.moveTo(sink)
    } catch (error) {
      buffer.clear()
      this.failure ??= { error: error instanceof UnwritableValue ? this.#valueError(error, index) : error }
      throw error
    }
  }

  stop(error: unknown): void {
    this.#stop(error)
  }

  /** Calls back when nothing has moved for so long. Waiting for the source is not the server's fault and does not count. */
  watch(timeoutMs: number, onStall: (error: SqlServerError) => void): void {
    if (timeoutMs <= 0) return
    let seen = -1
    let since = performance.now()
    this.#watchdog = setInterval(
      () => {
        const now = performance.now()
        const progress = this.#progress + this.#buffer.parts
        if (progress !== seen || this.#waiting) {
          seen = progress
          since = now
        } else if (now - since >= timeoutMs) {
          onStall(
            new SqlServerError('timeout', `the bulk load made no progress for ${timeoutMs} ms`, {
              retryable: true,
              context: { timeoutMs, table: this.#target.table, rowsSent: this.#before + this.#row + 1 },
              hint: 'Look for a blocking session, or raise bulkTimeoutMs.',
            }),
          )
        }
      },
      Math.max(10, Math.min(1000, timeoutMs / 4)),
    )
    this.#watchdog.unref()
  }

  close(): void {
    clearInterval(this.#watchdog)
    this.onClose?.()
  }

  #next(): IteratorResult<readonly never[], undefined> | Promise<IteratorResult<readonly never[], undefined>> {
    if (!this.#buffer.isSent) throw new TypeError('the driver asks for a row and has not sent the one before')
    this.#row += 1
    if (this.#row < this.#rows) {
      this.#progress += 1
      return PLACEHOLDER
    }
    return this.#nextBatch()
  }

  async #nextBatch(): Promise<IteratorResult<readonly never[], undefined>> {
    try {
      for (;;) {
        this.#waiting = true
        const result = await Promise.race([this.#source.next(), this.#stopped])
        this.#waiting = false
        this.#progress += 1
        this.#before += this.#rows
        this.#row = 0
        this.#rows = 0
        if (result.done === true) return DONE
        if (result.value.numRows === 0) continue
        this.#open(result.value)
        return PLACEHOLDER
      }
    } catch (error) {
      this.#waiting = false
      this.failure ??= { error }
      throw error
    }
  }

  #open(batch: RecordBatch): void {
    this.#rows = batch.numRows
    this.#batch = batch
    const indexes = new Map(batch.schema.fields.map((field, index) => [field.name, index]))
    const view = (name: string): ColumnView => {
      const index = indexes.get(name)
      if (index === undefined) {
        throw new SqlServerError('invalid-argument', `the batch has no column ${JSON.stringify(name)}`, {
          context: { table: this.#target.table, column: name },
        })
      }
      return columnView(batch, index)
    }
    const optional = (name: string | undefined): ColumnView | undefined => (name === undefined ? undefined : view(name))
    this.#writers = this.#target.columns.map((column, index) =>
      cellWriter(
        column,
        { value: view(column.from.value), ns100: optional(column.from.ns100), offset: optional(column.from.offset) },
        this.#checks[index],
      ),
    )
  }

  #valueError(error: UnwritableValue, index: number): SqlServerError {
    const { table, label = table, columns, key = [] } = this.#target
    const column = columns[index]?.label ?? columns[index]?.name
    const row = this.#before + this.#row
    const named = this.#batch === undefined ? undefined : describeRow(this.#batch, this.#row, key)
    const where = named === undefined ? `: the value of row ${row} (counted from 0)` : `, ${named}: the value`
    return new SqlServerError('invalid-value', `${label}, column ${column}${where} ${error.message}`, {
      context: { table: label, column, row },
      hint: 'Nothing was loaded. Widen or change the target column, or correct the value at its source.',
      cause: error,
    })
  }
}
