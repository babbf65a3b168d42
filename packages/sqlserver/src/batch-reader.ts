import { BatchBuilder, ColumnarError, type ColumnBuilder } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import { wireParameters } from './bulk-types/parameter.ts'
import { SqlServerError, type SqlServerErrorCode } from './errors.ts'
import { columnDecoder, type ColumnDecoder, type Filled } from './exact-values/column-decoder.ts'
import { isRaw } from './exact-values/raw-values.ts'
import { readRowsInto, RowTarget } from './exact-values/row-reader.ts'
import { WireFeed } from './exact-values/wire-feed.ts'
import { builtValue } from './exact-values/built-value.ts'
import type { ResultCell, ResultColumn, Running, Session } from './session.ts'
import { filledColumns, type ReadQuery } from './sql.ts'
import { bound, type ReadTimeouts, type StreamOptions, valueBytes } from './stream-options.ts'

/** Finished batches that may wait for the consumer before the read is paused. */
const QUEUE = 2

/**
 * Streams a query into batches. Nothing is read ahead but {@link QUEUE} batches, or one that reaches `batchBytes`: then the socket is
 * left unread, and the server waits. While the consumer has a batch of twice `batchBytes`, one long row, nothing is read at all. An early end of the iteration cancels the query on the server; when that fails the connection is not usable again, which
 * {@link Session.reusable} tells.
 *
 * @param options `cells`: values come by way of the driver's cells even where they could do without.
 */
export async function* readBatches(
  session: Session,
  query: ReadQuery,
  options: StreamOptions & ReadTimeouts & { readonly cells?: boolean },
): AsyncGenerator<RecordBatch, void, undefined> {
  const read = new BatchRead(session, query, options)
  try {
    for (;;) {
      const batch = await read.next()
      if (batch === undefined) return
      yield batch
    }
  } finally {
    await read.close()
  }
}

class BatchRead {
  readonly #session: Session
  readonly #query: ReadQuery
  /** Of each result column the places of the batch columns that it fills. */
  readonly #filled: readonly (readonly number[])[]
  readonly #builder: BatchBuilder
  readonly #batchRows: number
  readonly #batchBytes: number
  readonly #ready: { readonly batch: RecordBatch; readonly bytes: number }[] = []
  /** Builders whose values differ in length, and the bytes of a row in all others. */
  readonly #variable: readonly ColumnBuilder[]
  readonly #fixedBytes: number
  readonly #maxValueBytes: number
  readonly #onReplaced: StreamOptions['onReplaced']
  readonly #running: Running
  readonly #settled: Promise<void>
  readonly #watchdog: NodeJS.Timeout | undefined
  readonly #signal: AbortSignal | undefined
  #decoders: readonly ColumnDecoder[] | undefined
  readonly #cells: boolean
  #target: RowTarget | undefined
  #feed: WireFeed | undefined
  #wake: (() => void) | undefined
  #failure: { readonly error: unknown } | undefined
  #ended = false
  #paused = false
  #rows = 0

  constructor(
    session: Session,
    query: ReadQuery,
    options: StreamOptions & ReadTimeouts & { readonly cells?: boolean },
  ) {
    this.#cells = options.cells === true
    this.#session = session
    this.#query = query
    this.#filled = filledColumns(query.columns)
    this.#batchRows = bound('batchRows', options.batchRows ?? 65_536)
    this.#batchBytes = bound('batchBytes', options.batchBytes ?? 16 * 1024 * 1024)
    this.#signal = options.signal
    this.#maxValueBytes = bound('maxValueBytes', options.maxValueBytes ?? valueBytes.standard, valueBytes)
    this.#onReplaced = options.onReplaced
    const { loneSurrogates = 'refuse' } = options
    this.#builder = new BatchBuilder(
      query.columns.map((column) => column.field),
      {
        initialRows: Math.min(this.#batchRows, 4096),
        memory: options.memory,
        maxValueBytes: this.#maxValueBytes,
        loneSurrogates: (column) => (query.key?.includes(column) === true ? 'refuse' : loneSurrogates),
      },
    )
    const { columns } = this.#builder
    this.#variable = columns.filter(({ kind }) => kind === 'string' || kind === 'binary')
    this.#fixedBytes = 8 * (columns.length - this.#variable.length)
    this.#running = session.start(
      {
        text: query.text,
        parameters: wireParameters(query.parameters ?? []),
        signal: options.signal,
        timeoutMs: options.requestTimeoutMs,
        what: 'the read',
      },
      { columns: (columns) => this.#columns(columns), row: (cells) => this.#row(cells) },
    )
    this.#settled = this.#running.done.then(
      () => this.#end(),
      (error: unknown) => this.#fail(error),
    )
    this.#watchdog = this.#watch(options.idleTimeoutMs)
  }

  /** The next batch; undefined at the end. An abort and a failure throw, whatever batches were ready. */
  async next(): Promise<RecordBatch | undefined> {
    for (;;) {
      this.#signal?.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure.error
      const next = this.#ready.shift()
      if (next !== undefined) {
        if (next.bytes < this.#batchBytes * 2) this.#resume()
        return next.batch
      }
      if (this.#ended) return undefined
      this.#resume()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Stops the query if it runs still, and waits until the connection is quiet. */
  async close(): Promise<void> {
    clearInterval(this.#watchdog)
    if (!this.#ended && this.#failure === undefined) this.#failure = { error: undefined }
    if (!this.#ended) this.#running.cancel()
    await this.#settled
  }

  #columns(columns: readonly ResultColumn[]): void {
    this.#guard(() => {
      const expected = this.#filled.length
      if (this.#decoders !== undefined || columns.length !== expected) {
        if (this.#decoders !== undefined) {
          throw new SqlServerError('unexpected-result', 'the query returned more than one result')
        }
        throw new SqlServerError(
          'unexpected-result',
          `the query returned ${columns.length} columns where ${expected} were expected`,
          { hint: 'Make the select list of its columns by selectList: some stand within the values of others.' },
        )
      }
      const { connection } = this.#session
      const raw = isRaw(connection)
      const fills = this.#filled.map((places) => places.map((place) => this.#fill(place)))
      if (raw && !this.#cells) {
        this.#target = new RowTarget(columns, fills, () => this.#built())
        readRowsInto(connection, this.#target)
        this.#feed = WireFeed.open(connection, this.#target)
      }
      this.#decoders = columns.map((column, index) => columnDecoder(fills[index] ?? [], column, raw))
    })
  }

  #fill(place: number): Filled {
    const read = this.#query.columns[place]
    const builder = this.#builder.columns[place]
    if (read === undefined || builder === undefined) throw new RangeError(`no column ${place}`)
    return { read, builder }
  }

  #row(cells: readonly ResultCell[]): void {
    const target = this.#target
    if (target !== undefined && target.refused === undefined) return // its rows are in the builders already
    this.#rows += 1
    const decoders = this.#decoders
    if (this.#failure !== undefined || decoders === undefined) return
    const refused = target?.refused
    if (refused !== undefined) {
      this.#refuse(this.#valueError(refused.error, refused.index, cells, refused.wireBytes))
      return
    }
    let index = 0
    try {
      for (; index < cells.length; index += 1) {
        // Both arrays have one element a column: #columns checked it.
        ;(decoders[index] as ColumnDecoder)((cells[index] as ResultCell).value)
      }
      this.#finishIfFull()
    } catch (error) {
      this.#refuse(this.#valueError(error, index, cells))
    }
  }

  /** A row went straight to the builders. False when no more shall, for now. */
  #built(): boolean {
    this.#rows += 1
    if (this.#failure === undefined) this.#guard(() => this.#finishIfFull())
    else if (this.#builder.rowCount >= 1024) this.#builder.finish() // nobody will read it: the query is being cancelled
    return !this.#paused && this.#failure === undefined
  }

  #finishIfFull(): void {
    const bytes = this.#buffered()
    if (bytes >= this.#batchBytes || this.#builder.rowCount >= this.#batchRows) this.#finish(bytes)
  }

  #buffered(): number {
    let bytes = this.#builder.rowCount * this.#fixedBytes
    for (const builder of this.#variable) bytes += builder.byteSize
    return bytes
  }

  #finish(bytes: number): void {
    this.#enqueue(bytes)
    if (!this.#paused && (this.#ready.length >= QUEUE || bytes >= this.#batchBytes)) {
      this.#paused = true
      this.#running.pause()
    }
    this.#wake?.()
  }

  #enqueue(bytes: number): void {
    for (const builder of this.#variable) {
      if (builder.kind !== 'string' || builder.replacedCount === 0) continue
      this.#onReplaced?.(builder.name, builder.replacedCount)
    }
    this.#ready.push({ batch: this.#builder.finish(), bytes })
  }

  #resume(): void {
    if (!this.#paused || this.#ready.length >= QUEUE) return
    this.#paused = false
    this.#running.resume()
  }

  #end(): void {
    this.#feed?.close()
    readRowsInto(this.#session.connection, undefined)
    this.#guard(() => {
      if (this.#failure === undefined && this.#builder.rowCount > 0) {
        this.#enqueue(this.#buffered())
      }
    })
    this.#ended = true
    this.#wake?.()
  }

  #fail(error: unknown): void {
    this.#feed?.close()
    readRowsInto(this.#session.connection, undefined)
    this.#ended = true
    this.#failure ??= { error }
    this.#wake?.()
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#refuse(error)
    }
  }

  /** What was read cannot be used: the query is cancelled and the error waits for the consumer. */
  #refuse(error: unknown): void {
    this.#failure ??= { error }
    this.#running.cancel()
    this.#wake?.()
  }

  /** Rows must arrive until the answer has ended, while the read is not paused by its consumer. */
  #watch(idleTimeoutMs: number): NodeJS.Timeout | undefined {
    if (idleTimeoutMs <= 0) return undefined
    let seen = -1
    let since = performance.now()
    const timer = setInterval(
      () => {
        const now = performance.now()
        const progress = this.#rows + (this.#target?.progress ?? 0)
        if (progress !== seen || this.#paused || this.#ended || this.#decoders === undefined) {
          seen = progress
          since = now
        } else if (now - since >= idleTimeoutMs) {
          this.#failure ??= {
            error: new SqlServerError('timeout', `the read brought no row for ${idleTimeoutMs} ms`, {
              retryable: true,
              context: { idleTimeoutMs, rows: this.#rows },
              hint: 'The network or the server stalled. Raise idleTimeoutMs if single rows take that long.',
            }),
          }
          // A server that says nothing will not acknowledge a cancellation either.
          this.#session.destroy()
          this.#wake?.()
        }
      },
      Math.max(10, Math.min(1000, idleTimeoutMs / 4)),
    )
    timer.unref()
    return timer
  }

  /** @param wireBytes of the value as the server sent it, where it came in parts. */
  #valueError(error: unknown, index: number, cells: readonly ResultCell[], wireBytes?: number): unknown {
    if (!(error instanceof ColumnarError)) return error
    const read = this.#query.columns[this.#filled[index]?.[0] ?? -1]
    const table = this.#query.table
    const { code, what, hint } = this.#refusal(error, read?.name, wireBytes)
    const where = `${table === undefined ? '' : `${table}, `}column ${read?.name ?? index}, ${this.#describeRow(cells)}`
    return new SqlServerError(code, `${where}: ${what}`, {
      context: {
        ...(table === undefined ? {} : { table }),
        column: read?.name,
        row: this.#rows,
        ...(wireBytes === undefined ? {} : { wireBytes }),
      },
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    })
  }

  #refusal(
    error: ColumnarError,
    column: string | undefined,
    wireBytes: number | undefined,
  ): { readonly code: SqlServerErrorCode; readonly what: string; readonly hint: string | undefined } {
    switch (error.code) {
      case 'lone-surrogate':
        return {
          code: 'lone-surrogate',
          what: 'the text holds half of a surrogate pair, which UTF-8 cannot store',
          hint:
            column !== undefined && this.#query.key?.includes(column) === true
              ? 'Correct the value in the source. Nothing is replaced in a key: two keys could become one.'
              : "Correct the value in the source, declare loneSurrogates: 'replace' to have U+FFFD in its place, or leave the column out.",
        }
      case 'value-too-large': {
        const sent = wireBytes === undefined ? '' : `, which the server sends in ${wireBytes}`
        const most = `${this.#maxValueBytes} (maxValueBytes)`
        return {
          code: 'value-too-large',
          what: `a value of ${String(error.context['bytes'])} bytes or more${sent}; the bound is ${most}`,
          hint: `Raise maxValueBytes, to ${valueBytes.most} at most, where the process has the memory for it, or leave the column out with a view.`,
        }
      }
      default:
        return { code: 'unexpected-result', what: error.message, hint: undefined }
    }
  }

  #describeRow(cells: readonly ResultCell[]): string {
    const key = (this.#query.key ?? []).flatMap((name) => {
      const place = this.#query.columns.findIndex((column) => column.name === name && column.role === 'value')
      const at = this.#filled.findIndex(([first]) => first === place)
      const field = this.#query.columns[place]?.field
      const builder = this.#builder.columns[place]
      // What of a refused row went straight to the builders has no cell.
      const built = at < (this.#target?.refused?.index ?? 0) && builder !== undefined && field !== undefined
      const value = built ? builtValue(field, builder) : cells[at]?.value
      const text = value instanceof Uint8Array ? `0x${Buffer.from(value).toString('hex')}` : String(value)
      return at < 0 ? [] : [`${name} = ${text.toWellFormed().slice(0, 80)}`]
    })
    return key.length > 0 ? `row with ${key.join(', ')}` : `row ${this.#rows} of the result`
  }
}
