import type { ColumnView } from '@icebridge/columnar'
import type { Value } from '@icebridge/iceberg-core'

/** Smallest and largest value; strings as their UTF-8 bytes. */
export interface RawBounds {
  readonly min: Value
  readonly max: Value
}

export type PageEncoding = 'PLAIN' | 'RLE_DICTIONARY' | 'DELTA_BINARY_PACKED'

/** The values of one page, encoded; the bytes are valid until the next call. */
export interface EncodedValues {
  readonly encoding: PageEncoding
  readonly bytes: Uint8Array
  /** The same values plain; none of those in a dictionary, and not what is `long`. */
  readonly plain: Uint8Array | undefined
  /** What follows them: one long value, in the memory of the batch that it came with. */
  readonly long?: Uint8Array | undefined
  /** None when the page has no value but NaN. */
  readonly bounds: RawBounds | undefined
  /**
   * The memory of `bytes` is the caller's, who gives it back to the writer's pool; so many bytes before them may be written to. Otherwise
   * it is the encoder's.
   */
  readonly headroom?: number | undefined
}

/** The dictionary of one column chunk, plain encoded; the bytes are valid until the next call. */
export interface EncodedDictionary {
  readonly count: number
  readonly bytes: Buffer
}

/**
 * Collects the values of one leaf column (nulls left out), page by page, chunk by chunk, with each page's bounds.
 *
 * `append*` may be called any number of times before `takePage`, and `takePage` before `takeChunk`.
 */
export interface ValueEncoder {
  /** Bytes that the open page would take without a dictionary. */
  readonly pageBytes: number
  /** NaNs since the last `takeChunk`. */
  readonly nanCount: number
  /** Appends rows `start` to `end - 1`, none of them null. */
  appendRange(view: ColumnView, start: number, end: number): void
  /** Appends the first `count` of the given rows, none of them null. */
  appendRows(view: ColumnView, rows: Int32Array, count: number): void
  takePage(): EncodedValues
  /** Copies what it still has in the memory of a batch, which changes from then on. */
  detach?(): void
  /** Ends the chunk and gives its dictionary when a page refers to one. */
  takeChunk(): EncodedDictionary | undefined
}

/** A view of another kind than the encoder was made for: a defect, as batches are checked before. */
export function wrongKind(view: ColumnView, expected: string): TypeError {
  return new TypeError(`A column of kind ${view.kind} reached the encoder of ${expected}`)
}
