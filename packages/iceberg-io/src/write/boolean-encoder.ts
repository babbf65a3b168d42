import type { BooleanView, ColumnView } from '@icebridge/columnar'
import { BitBuffer, countBits } from './bit-buffer.ts'
import { type EncodedDictionary, type EncodedValues, type ValueEncoder, wrongKind } from './value-encoder.ts'

/** Booleans, one bit each, in Arrow as in Parquet: rows without nulls are copied by the byte. */
export class BooleanEncoder implements ValueEncoder {
  readonly nanCount = 0
  readonly #bits = new BitBuffer()

  get pageBytes(): number {
    return this.#bits.length >> 3
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    const { values, bitOffset } = booleansOf(view)
    this.#bits.appendBits(values, bitOffset + start, end - start)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const { values, bitOffset } = booleansOf(view)
    for (let index = 0; index < count; index++) {
      const at = bitOffset + (rows[index] ?? 0)
      this.#bits.append(((values[at >> 3] ?? 0) >> (at & 7)) & 1)
    }
  }

  takePage(): EncodedValues {
    const count = this.#bits.length
    const bytes = this.#bits.take()
    const ones = countBits(bytes, 0, count)
    const bounds = count === 0 ? undefined : { min: ones === count, max: ones > 0 }
    return { encoding: 'PLAIN', bytes, plain: bytes, bounds }
  }

  takeChunk(): EncodedDictionary | undefined {
    return undefined
  }
}

function booleansOf(view: ColumnView): BooleanView {
  if (view.kind !== 'boolean') throw wrongKind(view, 'boolean')
  return view
}
