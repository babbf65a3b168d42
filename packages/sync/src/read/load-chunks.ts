import {
  boundaryQuery,
  lastKeyQuery,
  quoteTable,
  readBoundary,
  serializeBoundary,
  type KeyBoundary,
  type RangeEnds,
  type RangeKey,
  type TableDefinition,
} from '@icebridge/sqlserver'
import { SyncError } from '../errors.ts'
import { mostRowBytes } from './row-width.ts'
import type { SourceReads } from './source-reads.ts'

/** A part of a load: one range of the table's key. */
export interface Chunk {
  /** From 1. */
  readonly number: number
  readonly ends: RangeEnds
  readonly last: boolean
}

export interface LoadChunksOptions {
  readonly table: TableDefinition
  /** Without one the whole table is the only chunk. */
  readonly key: RangeKey | undefined
  /** Rows of a chunk, at most. */
  readonly chunkRows: number
  readonly reads: Pick<SourceReads, 'query'>
  /** The chunks that are there already: how many, and where they end. */
  readonly done: { readonly chunks: number; readonly upTo: KeyBoundary | undefined }
}

/** Bytes that a chunk has at most, about: wide rows make chunks of fewer rows. */
const chunkBytes = 64 * 1024 * 1024
/** Rows of a chunk while nobody knows yet how wide rows are, unless they cannot be wide. */
const firstRows = 50_000
const leastRows = 1000
/** A rest of a table up to this share of a chunk joins the one before it, where rows may: it is not worth a file and a commit. */
const SHORT_REST = 0.25

/**
 * Cuts what is left of a table into chunks, one after the other, each when it is asked for: so nothing but the place where the last
 * one ended needs to be remembered, and a restart cuts the rest as it likes.
 *
 * The last key is taken first: rows after it were written after the hand-over, and a table that grows as fast as it is read ends
 * all the same.
 */
export class LoadChunks {
  readonly #options: LoadChunksOptions
  #number: number
  #after: KeyBoundary | undefined
  #end: { readonly key: KeyBoundary | undefined } | undefined
  #rowBytes: number | undefined
  #ended = false

  constructor(options: LoadChunksOptions) {
    this.#options = options
    this.#number = options.done.chunks
    this.#after = options.done.upTo
  }

  /** The next chunk; undefined after the last. One call at a time. */
  async next(): Promise<Chunk | undefined> {
    if (this.#ended) return undefined
    const after = this.#after
    const upTo = await this.#boundary()
    this.#number += 1
    this.#ended = upTo === undefined
    this.#after = upTo
    return { number: this.#number, ends: { after, upTo }, last: upTo === undefined }
  }

  /** How much a chunk's rows took in memory. */
  learn(rows: bigint, bytes: number): void {
    if (rows > 0n) this.#rowBytes = bytes / Number(rows)
  }

  /** The end of the chunk that begins after {@link #after}; undefined when it is the last. */
  async #boundary(): Promise<KeyBoundary | undefined> {
    const { table, key, chunkRows, reads } = this.#options
    if (key === undefined) return undefined
    if (this.#end === undefined) {
      const [row] = await reads.query(lastKeyQuery(table, key))
      this.#end = { key: row === undefined ? undefined : readBoundary(key, row) }
    }
    if (this.#end.key === undefined) return undefined
    const end = this.#end.key
    const rows = this.#rows()
    const [row, next] = await reads.query(boundaryQuery(table, key, { after: this.#after, upTo: end, rows }))
    if (row === undefined || next === undefined) return undefined
    const found = readBoundary(key, row)
    if (this.#after !== undefined && serializeBoundary(key, found) === serializeBoundary(key, this.#after)) {
      throw new SyncError('unusable-key', `${quoteTable(table.table)}: key ${key.name} does not order its own values`, {
        hint: 'The text of a key does not survive its code page. Set load.chunkRows to 0 to read the table in one stream.',
        context: { key: key.name },
      })
    }
    const shortRest = Math.min(Math.floor(rows * SHORT_REST), chunkRows - rows)
    if (shortRest === 0) return found
    const [, more] = await reads.query(boundaryQuery(table, key, { after: found, upTo: end, rows: shortRest }))
    return more === undefined ? undefined : found
  }

  #rows(): number {
    const { chunkRows, table } = this.#options
    if (this.#rowBytes === undefined) {
      const most = mostRowBytes(table.columns)
      return Math.min(chunkRows, most === undefined ? firstRows : Math.max(firstRows, Math.floor(chunkBytes / most)))
    }
    return Math.min(chunkRows, Math.max(leastRows, Math.floor(chunkBytes / this.#rowBytes)))
  }
}
