import type { Data } from 'apache-arrow'
import { ViewBase } from './view-base.ts'

abstract class VariableView extends ViewBase {
  /** Where each row's bytes start in `data`, and after the last row where they end; no copy. */
  readonly offsets: Int32Array
  /** The bytes of this column and perhaps of rows outside the slice; index it by `offsets` only. */
  readonly data: Uint8Array

  constructor(data: Data) {
    super(data)
    const offsets: Int32Array | undefined = data.valueOffsets
    // An empty column may come without its single offset.
    this.offsets = offsets === undefined || offsets.length === 0 ? new Int32Array(1) : offsets
    this.data = data.values ?? new Uint8Array(0)
  }

  /** The row's bytes, a view of the batch's memory. */
  bytes(row: number): Uint8Array {
    return this.data.subarray(this.offsets[row], this.offsets[row + 1])
  }
}

/** Reads a UTF-8 string column. What `value` gives for a null row is undefined; ask `isNull` first. */
export class StringView extends VariableView {
  readonly kind = 'string' as const
  readonly #text: Buffer

  constructor(data: Data) {
    super(data)
    this.#text = Buffer.from(this.data.buffer, this.data.byteOffset, this.data.byteLength)
  }

  value(row: number): string {
    return this.#text.toString('utf8', this.offsets[row], this.offsets[row + 1])
  }
}

/** Reads a binary column. `value` is a view of the batch's memory. */
export class BinaryView extends VariableView {
  readonly kind = 'binary' as const

  value(row: number): Uint8Array {
    return this.bytes(row)
  }
}

abstract class FixedViewBase extends ViewBase {
  readonly byteWidth: number
  /** `byteWidth` bytes a row; no copy. */
  readonly values: Uint8Array

  constructor(data: Data, byteWidth: number) {
    super(data)
    this.byteWidth = byteWidth
    this.values = data.values
  }

  /** The row's bytes, a view of the batch's memory. */
  value(row: number): Uint8Array {
    const start = row * this.byteWidth
    return this.values.subarray(start, start + this.byteWidth)
  }
}

/** Reads a column of byte strings of one length. */
export class FixedView extends FixedViewBase {
  readonly kind = 'fixed' as const
}

/** Reads a UUID column: 16 bytes each, in the order in which the text form is written. */
export class UuidView extends FixedViewBase {
  readonly kind = 'uuid' as const
}
