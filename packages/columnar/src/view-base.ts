import type { Data } from 'apache-arrow'

/** A validity bitmap: bit `offset + row`, least significant first, is 1 when the row holds a value. */
export interface Validity {
  readonly bits: Uint8Array
  readonly offset: number
}

/** What every column view has in common. Rows are those of the batch, 0 to length - 1, slices included. */
export abstract class ViewBase {
  readonly length: number
  readonly nullCount: number
  /** Undefined when the column has no nulls. */
  readonly validity: Validity | undefined
  readonly #bits: Uint8Array | undefined
  readonly #offset: number

  constructor(data: Data) {
    this.length = data.length
    const bits: Uint8Array | null | undefined = data.nullBitmap
    const some = bits instanceof Uint8Array && bits.length > 0 && data.nullCount > 0
    this.nullCount = some ? data.nullCount : 0
    this.#bits = some ? bits : undefined
    this.#offset = data.offset
    this.validity = some ? { bits, offset: data.offset } : undefined
  }

  /** True when the row is null. */
  isNull(row: number): boolean {
    const bits = this.#bits
    if (bits === undefined) return false
    const at = this.#offset + row
    return ((bits[at >> 3] ?? 0) & (1 << (at & 7))) === 0
  }
}
