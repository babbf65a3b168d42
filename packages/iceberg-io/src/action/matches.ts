/** A row of a batch and the source row with its key. */
export interface Match {
  readonly row: number
  readonly sourceRow: number
}

/** The rows of a file whose keys are in the source, in the order in which they are read. */
export class Matches {
  /** Places in the file, ascending. */
  #rows = new Uint32Array(64)
  #sourceRows = new Uint32Array(64)
  #count = 0
  #seen = 0

  get count(): number {
    return this.#count
  }

  /** The next rows of the file: for each its source row, -1 without one. */
  add(sourceRows: Int32Array): void {
    for (const [row, sourceRow] of sourceRows.entries()) {
      if (sourceRow < 0) continue
      if (this.#count === this.#rows.length) {
        this.#rows = doubled(this.#rows)
        this.#sourceRows = doubled(this.#sourceRows)
      }
      this.#rows[this.#count] = this.#seen + row
      this.#sourceRows[this.#count++] = sourceRow
    }
    this.#seen += sourceRows.length
  }

  /** The matches among `length` rows of the file from `first` on, counted from there. */
  *within(first: number, length: number): Generator<Match> {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#rows[middle] ?? 0) < first) low = middle + 1
      else high = middle
    }
    for (let at = low; at < this.#count && (this.#rows[at] ?? 0) < first + length; at++) {
      yield { row: (this.#rows[at] ?? 0) - first, sourceRow: this.#sourceRows[at] ?? 0 }
    }
  }

  /** Sets `into` to 1 at every source row that was found. */
  mark(into: Uint8Array): void {
    for (let at = 0; at < this.#count; at++) into[this.#sourceRows[at] ?? 0] = 1
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}
