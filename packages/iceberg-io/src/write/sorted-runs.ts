import { concatBatches, takeRows } from '@icebridge/columnar'
import { type RecordBatch, Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import type { SpilledBytes, SpillFile } from '../delete/spill-file.ts'
import type { RowOrder } from './row-order.ts'

/** Rows of a batch that comes out of a merge. */
const ROWS_A_BATCH = 8192

/** Runs of sorted rows in a temporary file, and their merge. Memory is bounded by one batch a run. */
export class SortedRuns {
  readonly #order: RowOrder
  readonly #spill: SpillFile
  readonly #runs: SpilledBytes[][] = []

  constructor(order: RowOrder, spill: SpillFile) {
    this.#order = order
    this.#spill = spill
  }

  get isEmpty(): boolean {
    return this.#runs.length === 0
  }

  /** Adds a run: batches that are in order, all with the same columns. */
  async add(batches: Iterable<RecordBatch>): Promise<void> {
    const run: SpilledBytes[] = []
    for (const batch of batches) run.push(await this.#spill.write(tableToIPC(new Table([batch]), 'stream')))
    if (run.length > 0) this.#runs.push(run)
  }

  /** All rows in order; those that are equal in the order of the runs. */
  async *merge(): AsyncGenerator<RecordBatch, void, undefined> {
    const heap: Cursor[] = []
    for (const [index, run] of this.#runs.entries()) {
      const cursor = await this.#advance({ index, run, next: 0 })
      if (cursor !== undefined) heap.push(cursor)
    }
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) this.#sink(heap, at)
    let picked = new Picked()
    for (let top = heap[0]; top !== undefined; top = heap[0]) {
      picked.add(top.batch, top.row++)
      if (top.row === top.batch.numRows) {
        const cursor = await this.#advance(top)
        if (cursor !== undefined) heap[0] = cursor
        else {
          const last = heap.pop()
          if (last !== undefined && heap.length > 0) heap[0] = last
        }
      }
      this.#sink(heap, 0)
      if (picked.count < ROWS_A_BATCH) continue
      yield picked.batch()
      picked = new Picked()
    }
    if (picked.count > 0) yield picked.batch()
  }

  /** The run at its next batch; `undefined` at its end. */
  async #advance(at: Pick<Cursor, 'index' | 'run' | 'next'>): Promise<Cursor | undefined> {
    const { index, run, next } = at
    const place = run[next]
    if (place === undefined) return undefined
    // A copy of its own begins where 64-bit values may.
    const [batch] = tableFromIPC(new Uint8Array(await this.#spill.read(place))).batches
    if (batch === undefined) throw new TypeError('a run has batches with rows')
    return { index, run, next: next + 1, batch, keys: this.#order.keys(batch), row: 0 }
  }

  /** Moves a cursor down to where the ones below it come later. */
  #sink(heap: Cursor[], from: number): void {
    for (let at = from; ;) {
      let least = at
      for (const child of [at * 2 + 1, at * 2 + 2]) if (this.#isBefore(heap[child], heap[least])) least = child
      const [own, other] = [heap[at], heap[least]]
      if (least === at || own === undefined || other === undefined) return
      heap[at] = other
      heap[least] = own
      at = least
    }
  }

  #isBefore(a: Cursor | undefined, b: Cursor | undefined): boolean {
    if (a === undefined || b === undefined) return false
    const order = this.#order.compare(a.keys, a.row, b.keys, b.row)
    return order < 0 || (order === 0 && a.index < b.index)
  }
}

/** A run at one of its rows. */
interface Cursor {
  readonly index: number
  readonly run: readonly SpilledBytes[]
  readonly next: number
  readonly batch: RecordBatch
  readonly keys: ReturnType<RowOrder['keys']>
  row: number
}

/** Rows of several batches in the order in which they were picked. */
class Picked {
  count = 0
  readonly #slots = new Map<RecordBatch, number>()
  readonly #rows: number[][] = []
  readonly #order: number[] = []

  add(batch: RecordBatch, row: number): void {
    let slot = this.#slots.get(batch)
    if (slot === undefined) {
      slot = this.#rows.push([]) - 1
      this.#slots.set(batch, slot)
    }
    this.#rows[slot]?.push(row)
    this.#order.push(slot)
    this.count++
  }

  batch(): RecordBatch {
    const parts = [...this.#slots].map(([batch, slot]) => takeRows(batch, Uint32Array.from(this.#rows[slot] ?? [])))
    const next: number[] = []
    let end = 0
    for (const { numRows } of parts) {
      next.push(end)
      end += numRows
    }
    const places = this.#order.map((slot) => {
      const place = next[slot] ?? 0
      next[slot] = place + 1
      return place
    })
    const whole = concatBatches(parts)
    return parts.length === 1 ? whole : takeRows(whole, Uint32Array.from(places))
  }
}
