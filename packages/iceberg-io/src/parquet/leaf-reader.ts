import { damaged } from './decode-fault.ts'
import type { ColumnChunk } from './metadata.ts'
import { checkPage, decodeDataPage, decodeDictionary, type Dictionary, type Page } from './page.ts'
import { readPageHeader } from './page-header.ts'
import { type PageSpan, type DenseValues, gather } from './gather.ts'
import type { SchemaNode } from './schema-tree.ts'

/** Consecutive pages of a chunk that are in memory. */
export interface PageRun {
  /** The row, within the row group, that the first of them begins with. */
  readonly firstRow: number
  readonly bytes: Uint8Array
}

/** What of a chunk was fetched. */
export interface LoadedChunk {
  readonly chunk: ColumnChunk
  /** The dictionary page, unless it is at the head of the first run. */
  readonly dictionary: Uint8Array | undefined
  readonly runs: readonly PageRun[]
}

/** The levels and values of some rows of a leaf. */
export interface LeafSlots {
  readonly slots: number
  /** A level a slot; undefined when every slot holds a value. */
  readonly definition: Uint8Array | undefined
  /** The level of a slot that holds a value. */
  readonly highest: number
  /** A level a slot; undefined for leaves that do not repeat. */
  readonly repetition: Uint8Array | undefined
  readonly values: DenseValues
}

/** Rows are passed over in steps, so that their pages do not pile up. */
const skipStep = 65_536

/** Reads one leaf of one row group, rows in ascending order. */
export class LeafReader {
  readonly leaf: SchemaNode
  readonly #loaded: LoadedChunk
  #run = 0
  #at = 0
  #row: number
  #dictionary: Dictionary | undefined
  #page: Page | undefined
  #slot = 0
  #value = 0

  constructor(leaf: SchemaNode, loaded: LoadedChunk) {
    this.leaf = leaf
    this.#loaded = loaded
    this.#row = loaded.runs[0]?.firstRow ?? 0
  }

  /** The next `rows` rows. @throws DecodeFault */
  read(rows: number): LeafSlots {
    const spans = this.#take(rows)
    return gather(spans, this.leaf)
  }

  /** Moves to a row that is not before the next one. @throws DecodeFault */
  skipTo(row: number): void {
    const { runs } = this.#loaded
    const ahead = runs.findLastIndex((run) => run.firstRow <= row)
    if (ahead > this.#run && (runs[ahead]?.firstRow ?? 0) > this.#row) {
      this.#run = ahead
      this.#at = 0
      this.#page = undefined
      this.#row = runs[ahead]?.firstRow ?? 0
    }
    while (this.#row < row) {
      if (this.leaf.maxRepetition === 0 && this.#page === undefined && this.#passPage(row - this.#row)) continue
      this.#take(Math.min(skipStep, row - this.#row))
    }
  }

  #take(rows: number): readonly PageSpan[] {
    const spans = this.leaf.maxRepetition === 0 ? this.#takeFlat(rows) : this.#takeRepeated(rows)
    this.#row += rows
    return spans
  }

  #takeFlat(rows: number): readonly PageSpan[] {
    const spans: PageSpan[] = []
    let left = rows
    while (left > 0) {
      const page = this.#current(rows - left)
      if (page === undefined) throw damaged('there are fewer values than rows')
      const end = Math.min(page.slots, this.#slot + left)
      left -= end - this.#slot
      spans.push(this.#span(page, end))
    }
    return spans
  }

  #takeRepeated(rows: number): readonly PageSpan[] {
    const spans: PageSpan[] = []
    let started = 0
    for (;;) {
      // A row does not go on in pages that were fetched apart.
      if (started === rows && this.#atRunEnd()) return spans
      const page = this.#current(started)
      if (page === undefined) {
        if (started === rows) return spans
        throw damaged('there are fewer values than rows')
      }
      const { repetition } = page
      let end = this.#slot
      for (; end < page.slots; end++) {
        if (repetition?.[end] !== 0) continue
        if (started === rows) break
        started++
      }
      if (started === 0 && rows > 0) throw damaged('a page begins within a row that is not there')
      const whole = end === page.slots
      if (end > this.#slot) spans.push(this.#span(page, end))
      // The next page may go on with the last row.
      if (!whole) return spans
    }
  }

  #span(page: Page, end: number): PageSpan {
    const start = this.#slot
    let values = end - start
    if (page.definition !== undefined) {
      const max = this.leaf.maxDefinition
      values = 0
      for (let slot = start; slot < end; slot++) if (page.definition[slot] === max) values++
    }
    const span = { page, start, end, valueStart: this.#value, valueEnd: this.#value + values }
    this.#slot = end
    this.#value += values
    return span
  }

  /** Whether all slots of the pages of this run were taken. */
  #atRunEnd(): boolean {
    const run = this.#loaded.runs[this.#run]
    const pageDone = this.#page === undefined || this.#slot === this.#page.slots
    return pageDone && run !== undefined && this.#at >= run.bytes.length
  }

  /** The page that holds the next slot, `rows` rows being taken already; undefined after the last. */
  #current(rows: number): Page | undefined {
    while (this.#page === undefined || this.#slot === this.#page.slots) {
      this.#page = undefined
      const stored = this.#nextPage(rows)
      if (stored === undefined) return undefined
      const { header, bytes } = stored
      this.#page = decodeDataPage(header, bytes, this.#context())
      this.#slot = 0
      this.#value = 0
    }
    return this.#page
  }

  #context(): Parameters<typeof decodeDataPage>[2] {
    return { leaf: this.leaf, codec: this.#loaded.chunk.codec, dictionary: this.#dictionary }
  }

  /** Passes over the next page without decoding it, if it has at most `rows` rows. */
  #passPage(rows: number): boolean {
    const [run, at] = [this.#run, this.#at]
    const stored = this.#nextPage(0)
    if (stored === undefined) throw damaged('there are fewer values than rows')
    if (stored.header.slots <= rows) {
      this.#row += stored.header.slots
      return true
    }
    this.#run = run
    this.#at = at
    return false
  }

  /** The next data page as it is stored; a dictionary on the way to it is kept. */
  #nextPage(rows: number): { readonly header: DataHeader; readonly bytes: Uint8Array } | undefined {
    this.#firstDictionary()
    for (;;) {
      const run = this.#loaded.runs[this.#run]
      if (run === undefined) return undefined
      if (this.#at >= run.bytes.length) {
        this.#run++
        this.#at = 0
        const next = this.#loaded.runs[this.#run]
        if (next !== undefined && next.firstRow !== this.#row + rows) {
          throw damaged('the pages are not where the page index has them')
        }
        continue
      }
      const { header, end } = readPageHeader(run.bytes, this.#at)
      const bytes = run.bytes.subarray(end, end + header.storedBytes)
      this.#at = end + header.storedBytes
      if (header.kind === 'other') continue
      checkPage(header, bytes)
      if (header.kind === 'dictionary') this.#dictionary = decodeDictionary(header, bytes, this.#context())
      else {
        if (BigInt(header.slots) > this.#loaded.chunk.valueCount)
          throw damaged('a page has more values than its column')
        return { header, bytes }
      }
    }
  }

  #firstDictionary(): void {
    const stored = this.#loaded.dictionary
    if (stored === undefined || this.#dictionary !== undefined) return
    const { header, end } = readPageHeader(stored, 0)
    if (header.kind !== 'dictionary') throw damaged('there is no dictionary where one should be')
    const bytes = stored.subarray(end, end + header.storedBytes)
    checkPage(header, bytes)
    this.#dictionary = decodeDictionary(header, bytes, this.#context())
  }
}

type DataHeader = Parameters<typeof decodeDataPage>[0]
