/** For each row of a file, in the order in which it is read, the source row with its key. */
export class Matches {
  /** Rows that have one. */
  count = 0
  #sourceRows: Int32Array
  #rows = 0

  /** `rows`: how many the file has, deleted ones included. */
  constructor(rows: number) {
    this.#sourceRows = new Int32Array(rows)
  }

  /** The next rows; -1 for those without a source row. */
  add(sourceRows: Int32Array): void {
    this.#sourceRows.set(sourceRows, this.#rows)
    this.#rows += sourceRows.length
    for (let row = 0; row < sourceRows.length; row++) if ((sourceRows[row] ?? -1) >= 0) this.count++
  }

  /** The source row of the file's row, -1 without one. */
  sourceRow(row: number): number {
    return row < this.#rows ? (this.#sourceRows[row] ?? -1) : -1
  }

  /** Sets `into` to 1 at every source row that was found. */
  mark(into: Uint8Array): void {
    for (let row = 0; row < this.#rows; row++) {
      const sourceRow = this.#sourceRows[row] ?? -1
      if (sourceRow >= 0) into[sourceRow] = 1
    }
  }
}
