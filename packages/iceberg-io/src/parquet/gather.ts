import { damaged } from './decode-fault.ts'
import type { LeafSlots } from './leaf-reader.ts'
import type { Page } from './page.ts'
import { type ByteValues, type IndexValues, valueWidth } from './page-values.ts'
import type { SchemaNode } from './schema-tree.ts'

/** Consecutive slots of a page, and the values among them. */
export interface PageSpan {
  readonly page: Page
  readonly start: number
  readonly end: number
  readonly valueStart: number
  readonly valueEnd: number
}

/** Values one after another, without nulls, in memory of their own with room for as many values as slots. */
export type DenseValues = DenseFixed | DenseBytes

export interface DenseFixed {
  readonly kind: 'fixed'
  readonly count: number
  readonly width: number
  /** `count` values, then room; starts at its buffer's start. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface DenseBytes {
  readonly kind: 'bytes'
  readonly count: number
  /** `count + 1` offsets, then room. */
  readonly offsets: Int32Array
  readonly bytes: Uint8Array
}

/** A value of so many bytes is not copied where that can be helped. */
const longBytes = 1 << 20

/** Arrow's offsets are 32-bit. */
const mostBytes = 0x7fff_ffff

/** Joins the slots of some pages. @throws DecodeFault */
export function gather(spans: readonly PageSpan[], leaf: SchemaNode): LeafSlots {
  let slots = 0
  let count = 0
  let nulls = false
  for (const span of spans) {
    slots += span.end - span.start
    count += span.valueEnd - span.valueStart
    nulls ||= span.page.definition !== undefined
  }
  return {
    slots,
    definition: nulls && count < slots ? definitions(spans, slots, leaf.maxDefinition) : undefined,
    highest: leaf.maxDefinition,
    repetition: leaf.maxRepetition === 0 ? undefined : repetitions(spans, slots),
    values:
      leaf.physical === 'BYTE_ARRAY'
        ? gatherBytes(spans, { slots, count })
        : gatherFixed(spans, { slots, count, leaf }),
  }
}

function definitions(spans: readonly PageSpan[], slots: number, max: number): Uint8Array {
  const levels = new Uint8Array(slots)
  let at = 0
  for (const { page, start, end } of spans) {
    if (page.definition === undefined) levels.fill(max, at, at + end - start)
    else levels.set(page.definition.subarray(start, end), at)
    at += end - start
  }
  return levels
}

function repetitions(spans: readonly PageSpan[], slots: number): Uint8Array {
  const levels = new Uint8Array(slots)
  let at = 0
  for (const { page, start, end } of spans) {
    if (page.repetition !== undefined) levels.set(page.repetition.subarray(start, end), at)
    at += end - start
  }
  return levels
}

function gatherFixed(
  spans: readonly PageSpan[],
  size: { readonly slots: number; readonly count: number; readonly leaf: SchemaNode },
): DenseFixed {
  const width = valueWidth(size.leaf)
  const bytes = new Uint8Array(size.slots * width)
  let at = 0
  for (const { page, valueStart, valueEnd } of spans) {
    const { values } = page
    if (values.kind === 'fixed') bytes.set(values.bytes.subarray(valueStart * width, valueEnd * width), at * width)
    else if (values.kind === 'index') lookUpFixed(values, { valueStart, valueEnd, width, at }, bytes)
    at += valueEnd - valueStart
  }
  return { kind: 'fixed', count: size.count, width, bytes }
}

function lookUpFixed(
  { indexes, dictionary }: IndexValues,
  part: { readonly valueStart: number; readonly valueEnd: number; readonly width: number; readonly at: number },
  target: Uint8Array<ArrayBuffer>,
): void {
  const { valueStart, valueEnd, width, at } = part
  const { bytes } = dictionary
  if (width % 4 !== 0) {
    for (let index = valueStart, to = at * width; index < valueEnd; index++) {
      const from = (indexes[index] ?? 0) * width
      for (let byte = 0; byte < width; byte++) target[to++] = bytes[from + byte] ?? 0
    }
    return
  }
  const from = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
  const to = new Int32Array(target.buffer)
  const words = width >> 2
  if (words === 1) {
    for (let index = valueStart, slot = at; index < valueEnd; index++) to[slot++] = from[indexes[index] ?? 0] ?? 0
  } else if (words === 2) {
    for (let index = valueStart, slot = at * 2; index < valueEnd; index++) {
      const entry = (indexes[index] ?? 0) * 2
      to[slot++] = from[entry] ?? 0
      to[slot++] = from[entry + 1] ?? 0
    }
  } else {
    for (let index = valueStart, slot = at * words; index < valueEnd; index++) {
      const entry = (indexes[index] ?? 0) * words
      for (let word = 0; word < words; word++) to[slot++] = from[entry + word] ?? 0
    }
  }
}

function gatherBytes(spans: readonly PageSpan[], size: { readonly slots: number; readonly count: number }): DenseBytes {
  const long = size.count === 1 ? onlyValue(spans) : undefined
  if (long !== undefined) {
    const offsets = new Int32Array(size.slots + 1)
    offsets[1] = long.length
    return { kind: 'bytes', count: 1, offsets, bytes: long }
  }
  const offsets = new Int32Array(size.slots + 1)
  let total = 0
  let at = 0
  for (const span of spans) {
    total = addOffsets(span, offsets, { at, total })
    at += span.valueEnd - span.valueStart
    if (total > mostBytes) throw damaged('the strings of a batch pass 2 GiB; read fewer rows in a batch')
  }
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(total).buffer)
  at = 0
  for (const span of spans) {
    copyStrings(span, bytes, offsets[at] ?? 0)
    at += span.valueEnd - span.valueStart
  }
  return { kind: 'bytes', count: size.count, offsets, bytes }
}

/** The one value of the spans where it is long and all of its page: it stays in the page's memory, which nobody else needs. */
function onlyValue(spans: readonly PageSpan[]): Uint8Array | undefined {
  const span = spans.find(({ valueStart, valueEnd }) => valueEnd > valueStart)
  const values = span?.page.values
  if (span === undefined || values?.kind !== 'bytes' || values.count !== 1) return undefined
  const value = values.bytes.subarray(values.starts[0], values.ends[0])
  return value.length >= longBytes ? value : undefined
}

/** Where each string of a span ends, after those before it; gives where the last one does. */
function addOffsets(
  { page: { values }, valueStart, valueEnd }: PageSpan,
  offsets: Int32Array,
  from: { readonly at: number; readonly total: number },
): number {
  if (values.kind === 'fixed') return from.total
  const { starts, ends } = stringsOf(values)
  let { at, total } = from
  if (values.kind === 'index') {
    const { indexes } = values
    for (let index = valueStart; index < valueEnd; index++) {
      const entry = indexes[index] ?? 0
      total += (ends[entry] ?? 0) - (starts[entry] ?? 0)
      offsets[++at] = total
    }
  } else {
    for (let index = valueStart; index < valueEnd; index++) {
      total += (ends[index] ?? 0) - (starts[index] ?? 0)
      offsets[++at] = total
    }
  }
  return total
}

function copyStrings({ page: { values }, valueStart, valueEnd }: PageSpan, target: Uint8Array, start: number): void {
  if (values.kind === 'fixed') return
  const { starts, ends, bytes } = stringsOf(values)
  const indexes = values.kind === 'index' ? values.indexes : undefined
  let to = start
  for (let index = valueStart; index < valueEnd; index++) {
    const entry = indexes === undefined ? index : (indexes[index] ?? 0)
    let from = starts[entry] ?? 0
    const end = ends[entry] ?? 0
    if (end - from > 32) {
      target.set(bytes.subarray(from, end), to)
      to += end - from
    } else while (from < end) target[to++] = bytes[from++] ?? 0
  }
}

function stringsOf(values: ByteValues | IndexValues): ByteValues {
  if (values.kind === 'bytes') return values
  if (values.dictionary.kind === 'bytes') return values.dictionary
  throw new TypeError('a dictionary of byte strings')
}
