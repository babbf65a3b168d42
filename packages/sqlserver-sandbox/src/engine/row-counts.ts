import type { Table } from './catalog.ts'
import { notImplemented } from './errors.ts'
import type { SessionState } from './state.ts'

/** The rows of tables that a statement asks for by way of sys.partitions, counted before it runs. */
export class RowCounts {
  readonly #known = new Map<Table, bigint>()
  #wanted: Set<Table> | undefined

  /** The rows of a table; a stand-in while {@link settle} still learns which tables are asked for. */
  of(table: Table): bigint {
    const known = this.#known.get(table)
    if (known !== undefined) return known
    if (this.#wanted === undefined) throw notImplemented('the rows of sys.partitions in this statement')
    this.#wanted.add(table)
    return 0n
  }

  /** Runs `bind` until every count it asks for is known. It has no effects: it may run more than once. */
  async settle<T>(state: SessionState, bind: () => T): Promise<T> {
    this.#known.clear()
    try {
      for (;;) {
        const wanted = (this.#wanted = new Set<Table>())
        const result = bind()
        if (wanted.size === 0) return result
        await this.#count(state, wanted)
      }
    } finally {
      this.#wanted = undefined
    }
  }

  /**
   * A drop takes the table out of the catalog before it commits. So what the catalog still has after the snapshot was taken is in the
   * snapshot, whatever is dropped from here on.
   */
  async #count(state: SessionState, wanted: ReadonlySet<Table>): Promise<void> {
    await state.takeSnapshot()
    // SQL Server would wait for the transaction that makes the table; until it commits there are no rows to be counted.
    const there = [...wanted].filter((t) => state.engine.catalog.tableById(t.objectId) === t && state.sees(t))
    for (const table of wanted) this.#known.set(table, 0n)
    if (there.length === 0) return
    const [counts = []] = await state.rows(`SELECT ${there.map((t) => `(SELECT count(*) FROM ${t.relation})`).join()}`)
    for (const [i, table] of there.entries()) this.#known.set(table, BigInt(counts[i] as bigint)) // as count(*) is
  }
}
