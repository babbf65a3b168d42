import { alwaysTrue, and, gteq, lteq, planScan, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import type { RecordBatch } from 'apache-arrow'
import type { AppliedPosition } from './applied-position.ts'
import type { CompletedLoad } from './completed-load.ts'
import { JournalError } from './errors.ts'
import { carriedPosition, historyOf } from './history.ts'
import type { JournalHead } from './journal-head.ts'
import type { JournalRead, JournalUnit, ReloadKeys, UnitOptions } from './journal-read.ts'
import { sequencedFiles, type SequencedFile } from './live-files.ts'
import { SYNC_SEQ } from './names.ts'
import { microsAsTimes } from './retype.ts'

export interface UnitReaderState {
  readonly table: TableHandle
  readonly head: JournalHead
  readonly position: AppliedPosition | undefined
  /** Row versions up to this one are not of the read. */
  readonly applied: bigint
  readonly load: CompletedLoad | undefined
  readonly scan: JournalRead['scan']
  readonly files: readonly SequencedFile[]
  readonly columns: readonly string[]
  readonly timeColumns: ReadonlySet<string>
  readonly batchRows: number | undefined
  readonly signal: AbortSignal | undefined
  /** Names of the companions of each source column. */
  readonly companions: ReadonlyMap<string, readonly string[]>
  readonly removed: (expected: bigint, found: bigint, above: bigint) => JournalError
}

/** A planned read, cut into units. */
export class UnitReader implements JournalRead {
  readonly #state: UnitReaderState
  /** The newest commit that ends at a sequence, by sequence; the pinned snapshot for the last. */
  readonly #commitEnds: ReadonlyMap<bigint, bigint>

  constructor(state: UnitReaderState) {
    this.#state = state
    this.#commitEnds = commitEnds(state.table, state.head)
  }

  get tableUuid(): string {
    return this.#state.head.tableUuid
  }

  get snapshotId(): bigint | undefined {
    return this.#state.head.snapshotId
  }

  get head(): JournalHead {
    return this.#state.head
  }

  get position(): AppliedPosition | undefined {
    return this.#state.position
  }

  get scan(): JournalRead['scan'] {
    return this.#state.scan
  }

  get load(): CompletedLoad | undefined {
    return this.#state.load
  }

  get rows(): bigint {
    return this.#state.head.sequence - this.#applied
  }

  async *units(options: UnitOptions): AsyncGenerator<JournalUnit, void, undefined> {
    const { maxRows } = options
    if (!Number.isInteger(maxRows) || maxRows < 1) {
      throw new JournalError('invalid-argument', `a unit of at most ${maxRows} rows cannot be`, {
        hint: 'Give a whole number from 1.',
      })
    }
    const { head, position } = this.#state
    let from = this.#applied + 1n
    const ends = options.wholeSnapshots === true ? this.#snapshotEnds(BigInt(maxRows)) : this.#evenEnds(BigInt(maxRows))
    for (const to of ends) {
      yield this.#unit(from, to)
      from = to + 1n
    }
    const moved = position !== undefined && position.snapshotId !== head.snapshotId
    if (this.rows === 0n && moved) yield this.#unit(from, from - 1n)
  }

  loadUnit(): JournalUnit | undefined {
    const { load, position } = this.#state
    if (load === undefined || position !== undefined || load.sequence.to < load.sequence.from) return undefined
    return this.#unit(load.sequence.from, load.sequence.to)
  }

  widen(from: bigint): JournalUnit {
    const { head } = this.#state
    if (from <= this.#applied || from > head.sequence) {
      throw new JournalError('invalid-argument', `the read has no _sync_seq ${from}`, {
        hint: `Widen a unit of this read: it begins at ${this.#applied + 1n} and ends at ${head.sequence}.`,
      })
    }
    return this.#unit(from, head.sequence)
  }

  get #applied(): bigint {
    return this.#state.applied
  }

  *#evenEnds(maxRows: bigint): Generator<bigint> {
    const { sequence } = this.#state.head
    let end = this.#applied
    while (end < sequence) {
      end = end + maxRows < sequence ? end + maxRows : sequence
      yield end
    }
  }

  /** Whole commits, as many as fit. Where snapshots are expired, what is left between two that are known is one. */
  *#snapshotEnds(maxRows: bigint): Generator<bigint> {
    const commits = [...this.#commitEnds.keys()]
      .filter((end) => end > this.#applied)
      .toSorted((a, b) => (a < b ? -1 : 1))
    let from = this.#applied
    let end = from
    for (const next of commits) {
      if (end > from && next - from > maxRows) {
        yield end
        from = end
      }
      end = next
    }
    if (end > from) yield end
  }

  #unit(from: bigint, to: bigint): JournalUnit {
    const { head } = this.#state
    // A unit that ends inside a commit stands at the pinned snapshot: should that be rolled back, the target learns of it.
    const snapshotId = this.#commitEnds.get(to) ?? head.snapshotId
    if (snapshotId === undefined) throw new TypeError('a journal without a snapshot has no units')
    const { files, columns } = this.#state
    const stream = (): AsyncGenerator<RecordBatch, void, undefined> => this.#stream(from, to, files, columns)
    const reload = this.#reload(from, to)
    return {
      sequence: { from, to },
      snapshotId: to < from ? (head.snapshotId ?? snapshotId) : snapshotId,
      rows: Number(to - from + 1n),
      batches: { [Symbol.asyncIterator]: stream },
      ...(reload === undefined ? {} : { reload }),
    }
  }

  /** What a unit owes to a reload that ends within it. */
  #reload(unitFrom: bigint, unitTo: bigint): ReloadKeys | undefined {
    const { load, position } = this.#state
    if (load === undefined || position === undefined || load.sequence.from === 1n) return undefined
    const { from, to: end } = load.sequence
    const ended = end === this.#applied ? unitFrom === this.#applied + 1n : end >= unitFrom && end <= unitTo
    if (!ended) return undefined
    const keys = (columns: readonly string[]): AsyncGenerator<RecordBatch, void, undefined> =>
      this.#keys(from, unitTo, columns)
    return {
      sequence: { from, to: unitTo },
      rows: Number(unitTo - from + 1n),
      keys: (columns) => ({ [Symbol.asyncIterator]: () => keys(columns) }),
    }
  }

  async *#keys(from: bigint, to: bigint, columns: readonly string[]): AsyncGenerator<RecordBatch, void, undefined> {
    const { table, companions, signal } = this.#state
    if (to < from) return
    const files = await sequencedFiles(table, planScan(table, { filter: gteq(SYNC_SEQ, from), signal }))
    const names = columns.flatMap((name) => [name, ...(companions.get(name) ?? [])])
    yield* this.#stream(from, to, files, [SYNC_SEQ, ...names])
  }

  async *#stream(
    from: bigint,
    to: bigint,
    files: readonly SequencedFile[],
    columns: readonly string[],
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const { table, timeColumns, batchRows, signal, removed } = this.#state
    const expected = to - from + 1n
    if (expected === 0n) return
    const between = and(gteq(SYNC_SEQ, from), lteq(SYNC_SEQ, to))
    // A file that lies within the unit is read without a look at its rows.
    const tasks = files
      .filter(({ range }) => range === undefined || (range.from <= to && range.to >= from))
      .map(({ task, range }) => ({
        ...task,
        residual: range !== undefined && range.from >= from && range.to <= to ? alwaysTrue : between,
      }))
    let found = 0n
    for await (const batch of new IcebergReader(table, { batchRows }).scanTasks(tasks, { columns, signal })) {
      signal?.throwIfAborted()
      found += BigInt(batch.numRows)
      yield microsAsTimes(batch, timeColumns)
    }
    if (found !== expected) throw removed(expected, found, from - 1n)
  }
}

function commitEnds(table: TableHandle, head: JournalHead): ReadonlyMap<bigint, bigint> {
  const ends = new Map<bigint, bigint>()
  for (const snapshot of historyOf(table.loaded.metadata).toReversed()) {
    const carried = carriedPosition(snapshot)
    if (carried !== undefined) ends.set(carried.sequence, snapshot.snapshotId)
  }
  if (head.snapshotId !== undefined) ends.set(head.sequence, head.snapshotId)
  return ends
}
