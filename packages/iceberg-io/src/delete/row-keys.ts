import type { ColumnView } from '@icebridge/columnar'

/** A value to compare rows by: a column, null also where one of the structs around it is. */
export interface KeyColumn {
  readonly view: ColumnView
  readonly around?: readonly ColumnView[] | undefined
}

/**
 * Rows as bytes: two rows have the same bytes exactly when all their columns are equal. Null equals null and NaN equals
 * NaN, 0.0 does not equal -0.0.
 */
export class RowKeys {
  readonly #sink = new Sink()
  readonly #parts: readonly Part[]

  constructor(columns: readonly KeyColumn[]) {
    this.#parts = columns.map(({ view, around = [] }) => {
      const write = partOf(view, this.#sink)
      if (around.length === 0) return write
      return (row) => {
        if (around.some((struct) => struct.isNull(row))) this.#sink.byte(0)
        else write(row)
      }
    })
  }

  /** The bytes that {@link write} wrote last, and perhaps more after them. */
  get bytes(): Uint8Array {
    return this.#sink.bytes
  }

  /** Writes the key of a row; says how many bytes it has. */
  write(row: number): number {
    this.#sink.length = 0
    for (const part of this.#parts) part(row)
    return this.#sink.length
  }
}

/** Well mixed 32 bits of the first `length` bytes: MurmurHash3. */
export function hashBytes(bytes: Uint8Array, length: number): number {
  let hash = 0x9747_b28c
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const word =
      (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
    hash = mix(hash, word)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64) | 0
  }
  let rest = 0
  for (let shift = 0; at < length; at++, shift += 8) rest |= (bytes[at] ?? 0) << shift
  hash = mix(hash, rest) ^ length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mix(hash: number, word: number): number {
  const spread = Math.imul(word, 0xcc9e_2d51)
  return hash ^ Math.imul((spread << 15) | (spread >>> 17), 0x1b87_3593)
}

/** Writes one value of a row. */
type Part = (row: number) => void

class Sink {
  bytes: Uint8Array = new Uint8Array(256)
  length = 0

  byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(1)
    this.bytes[this.length++] = value
  }

  word(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 0xff)
  }

  copy(from: Uint8Array, start: number, end: number): void {
    const size = end - start
    if (this.length + size > this.bytes.length) this.#grow(size)
    if (size > 24) this.bytes.set(from.subarray(start, end), this.length)
    else for (let at = 0; at < size; at++) this.bytes[this.length + at] = from[start + at] ?? 0
    this.length += size
  }

  #grow(room: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + room))
    grown.set(this.bytes)
    this.bytes = grown
  }
}

function partOf(view: ColumnView, sink: Sink): Part {
  const write = valueOf(view, sink)
  return (row) => {
    if (view.isNull(row)) sink.byte(0)
    else {
      sink.byte(1)
      write(row)
    }
  }
}

function valueOf(view: ColumnView, sink: Sink): Part {
  switch (view.kind) {
    case 'null':
      return () => {}
    case 'boolean':
      return (row) => sink.byte(view.value(row) ? 1 : 0)
    case 'int32':
    case 'date':
      return fixedBytes(view.values, 4, sink)
    case 'int64':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
      return fixedBytes(view.values, 8, sink)
    case 'float32':
      return floatBytes(view.values, 4, sink)
    case 'float64':
      return floatBytes(view.values, 8, sink)
    case 'decimal':
      return fixedBytes(view.words, 16, sink)
    case 'fixed':
    case 'uuid':
      return fixedBytes(view.values, view.byteWidth, sink)
    case 'string':
    case 'binary':
      return (row) => {
        const start = view.offsets[row] ?? 0
        const end = view.offsets[row + 1] ?? 0
        sink.word(end - start)
        sink.copy(view.data, start, end)
      }
    case 'struct': {
      const parts = view.fields.map((field) => partOf(field, sink))
      return (row) => {
        for (const part of parts) part(row)
      }
    }
    case 'list':
      return elements(view, [partOf(view.element, sink)], sink)
    case 'map':
      return elements(view, [partOf(view.key, sink), partOf(view.value, sink)], sink)
  }
}

function elements(
  view: { readonly start: (row: number) => number; readonly end: (row: number) => number },
  parts: readonly Part[],
  sink: Sink,
): Part {
  return (row) => {
    const [start, end] = [view.start(row), view.end(row)]
    sink.word(end - start)
    for (let at = start; at < end; at++) for (const part of parts) part(at)
  }
}

function fixedBytes(values: ArrayBufferView, width: number, sink: Sink): Part {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return (row) => sink.copy(bytes, row * width, (row + 1) * width)
}

function floatBytes(values: Float32Array | Float64Array, width: number, sink: Sink): Part {
  const write = fixedBytes(values, width, sink)
  return (row) => {
    const value = values[row]
    // NaN has many forms, of which none is told from another. Whole bytes of ones are one of them.
    if (value === value) write(row)
    else for (let at = 0; at < width; at++) sink.byte(0xff)
  }
}
