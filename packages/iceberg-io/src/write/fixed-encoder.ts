import type { ColumnView } from '@icebridge/columnar'
import { copyBytes } from './byte-buffer.ts'
import { PlainEncoder } from './plain-encoder.ts'
import { type RawBounds, wrongKind } from './value-encoder.ts'

/** fixed and uuid, in byte order. */
export class FixedEncoder extends PlainEncoder {
  readonly #width: number

  constructor(width: number) {
    super()
    this.#width = width
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    const width = this.#width
    const at = this.page.extend((end - start) * width)
    this.page.bytes.set(valuesOf(view).subarray(start * width, end * width), at)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const values = valuesOf(view)
    const width = this.#width
    let at = this.page.extend(count * width)
    const { bytes } = this.page
    for (let index = 0; index < count; index++) {
      const from = (rows[index] ?? 0) * width
      for (let byte = 0; byte < width; byte++) bytes[at++] = values[from + byte] ?? 0
    }
  }

  protected bounds(): RawBounds {
    const width = this.#width
    const { bytes, length } = this.page
    let min = 0
    let max = 0
    for (let at = width; at < length; at += width) {
      if (order(bytes, at, min, width) < 0) min = at
      else if (order(bytes, at, max, width) > 0) max = at
    }
    return { min: copyBytes(bytes, min, min + width), max: copyBytes(bytes, max, max + width) }
  }
}

function valuesOf(view: ColumnView): Uint8Array {
  if (view.kind !== 'fixed' && view.kind !== 'uuid') throw wrongKind(view, 'fixed')
  return view.values
}

/** Unsigned byte order of the values at two places. */
function order(bytes: Uint8Array, a: number, b: number, width: number): number {
  for (let index = 0; index < width; index++) {
    const difference = (bytes[a + index] ?? 0) - (bytes[b + index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
