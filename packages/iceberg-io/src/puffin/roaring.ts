import {
  ArrayContainer,
  arrayLimit,
  BitmapContainer,
  compactContainer,
  type Container,
  containerValues,
  RunContainer,
} from '../delete/container.ts'
import { PositionSet } from '../delete/position-set.ts'

const cookieWithRuns = 12_347
const cookieWithoutRuns = 12_346
/** A bitmap with runs has container offsets only from so many containers on. */
const offsetsFrom = 4
const bitmapBytes = containerValues / 8
/** A 32-bit bitmap has so many containers at most. */
const keysABitmap = 65_536
/** The key of a 32-bit bitmap is below this: positions have no sign bit. */
const highestBitmapKey = 0x7fff_ffff

/**
 * A set of positions in Roaring's portable 64-bit form, runs where they are shorter.
 *
 * @see https://github.com/RoaringBitmap/RoaringFormatSpec#extension-for-64-bit-implementations
 */
export function serializePositions(positions: PositionSet): Buffer {
  const bitmaps = new Map<number, { readonly key: number; readonly container: Container }[]>()
  positions.forEachContainer((key, container) => {
    const high = Math.floor(key / keysABitmap)
    const entry = { key: key % keysABitmap, container: compactContainer(container) }
    const found = bitmaps.get(high)
    if (found === undefined) bitmaps.set(high, [entry])
    else found.push(entry)
  })
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(bitmaps.size))
  const parts: Uint8Array[] = [count]
  for (const [high, entries] of bitmaps) {
    const key = Buffer.alloc(4)
    key.writeUInt32LE(high)
    parts.push(key, ...serializeBitmap(entries))
  }
  return Buffer.concat(parts)
}

function serializeBitmap(entries: readonly { readonly key: number; readonly container: Container }[]): Uint8Array[] {
  const hasRuns = entries.some(({ container }) => container.kind === 'run')
  const flagBytes = hasRuns ? Math.ceil(entries.length / 8) : 0
  const withOffsets = !hasRuns || entries.length >= offsetsFrom
  const headerBytes = (hasRuns ? 4 + flagBytes : 8) + entries.length * 4 + (withOffsets ? entries.length * 4 : 0)
  const header = Buffer.alloc(headerBytes)
  let at: number
  if (hasRuns) {
    header.writeUInt32LE(cookieWithRuns + (entries.length - 1) * 65_536)
    entries.forEach(({ container }, index) => {
      if (container.kind === 'run') header[4 + (index >> 3)] = (header[4 + (index >> 3)] ?? 0) | (1 << (index & 7))
    })
    at = 4 + flagBytes
  } else {
    header.writeUInt32LE(cookieWithoutRuns)
    header.writeUInt32LE(entries.length, 4)
    at = 8
  }
  for (const { key, container } of entries) {
    header.writeUInt16LE(key, at)
    header.writeUInt16LE(container.size - 1, at + 2)
    at += 4
  }
  const bodies = entries.map(({ container }) => containerBytes(container))
  let offset = headerBytes
  for (const body of withOffsets ? bodies : []) {
    header.writeUInt32LE(offset, at)
    at += 4
    offset += body.length
  }
  return [header, ...bodies]
}

function containerBytes(container: Container): Buffer {
  if (container.kind === 'bitmap') {
    const bytes = Buffer.alloc(bitmapBytes)
    container.words.forEach((word, index) => bytes.writeUInt32LE(word, index * 4))
    return bytes
  }
  const values = container.kind === 'array' ? container.values : container.runs
  const counted = container.kind === 'run' ? 2 : 0
  const bytes = Buffer.alloc(counted + values.length * 2)
  if (counted > 0) bytes.writeUInt16LE(values.length / 2)
  values.forEach((value, index) => bytes.writeUInt16LE(value, counted + index * 2))
  return bytes
}

/**
 * Reads what {@link serializePositions} and every other Roaring library writes. Everything is checked: order, counts and
 * lengths; memory is bounded by the bytes that are there.
 *
 * @throws what `malformed` makes of a reason.
 */
export function deserializePositions(bytes: Uint8Array, malformed: (reason: string) => Error): PositionSet {
  const reader = new Reader(bytes, malformed)
  const count = reader.u64()
  // Each bitmap takes its key and at least a header.
  if (count > BigInt(Math.floor(reader.left / 12))) throw malformed(`it claims to hold ${count} bitmaps`)
  const positions = new PositionSet()
  let last = -1
  for (let index = 0; index < Number(count); index++) {
    const key = reader.u32()
    if (key <= last || key > highestBitmapKey) throw malformed(`its bitmap ${index} has the key ${key}`)
    last = key
    readBitmap(reader, key, positions)
  }
  if (reader.left > 0) throw malformed(`${reader.left} bytes follow its last bitmap`)
  return positions
}

function readBitmap(reader: Reader, high: number, into: PositionSet): void {
  const cookie = reader.u32()
  const hasRuns = (cookie & 0xffff) === cookieWithRuns
  if (!hasRuns && cookie !== cookieWithoutRuns) throw reader.malformed(`a bitmap begins with the cookie ${cookie}`)
  const count = hasRuns ? (cookie >>> 16) + 1 : reader.u32()
  if (count > keysABitmap) throw reader.malformed(`a bitmap claims to hold ${count} containers`)
  const flags = hasRuns ? reader.take(Math.ceil(count / 8)) : new Uint8Array(0)
  const header = reader.take(count * 4)
  if (!hasRuns || count >= offsetsFrom) reader.take(count * 4)
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  let last = -1
  for (let index = 0; index < count; index++) {
    const key = view.getUint16(index * 4, true)
    const size = view.getUint16(index * 4 + 2, true) + 1
    if (key <= last) throw reader.malformed('the keys of its containers do not ascend')
    last = key
    const isRun = ((flags[index >> 3] ?? 0) & (1 << (index & 7))) !== 0
    const container = isRun ? readRuns(reader) : size <= arrayLimit ? readArray(reader, size) : readBits(reader)
    if (container.size !== size) throw reader.malformed(`a container of ${size} values holds ${container.size}`)
    into.push(high * keysABitmap + key, container)
  }
}

function readArray(reader: Reader, size: number): Container {
  const values = reader.u16s(size)
  for (let at = 1; at < size; at++) {
    if ((values[at] ?? 0) <= (values[at - 1] ?? 0)) throw reader.malformed('the values of a container do not ascend')
  }
  return new ArrayContainer(values, size)
}

function readBits(reader: Reader): Container {
  const bytes = reader.take(bitmapBytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = new Uint32Array(bitmapBytes / 4)
  let size = 0
  for (let index = 0; index < words.length; index++) {
    const word = view.getUint32(index * 4, true)
    words[index] = word
    size += bitCount(word)
  }
  return new BitmapContainer(words, size)
}

function readRuns(reader: Reader): Container {
  const runs = reader.u16s(reader.u16() * 2)
  let size = 0
  let end = -1
  for (let at = 0; at < runs.length; at += 2) {
    const first = runs[at] ?? 0
    const length = (runs[at + 1] ?? 0) + 1
    if (first <= end || first + length > containerValues) throw reader.malformed('the runs of a container overlap')
    end = first + length - 1
    size += length
  }
  return new RunContainer(runs, size)
}

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555)
  const nibbles = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

class Reader {
  readonly malformed: (reason: string) => Error
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array, malformed: (reason: string) => Error) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.malformed = malformed
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Buffer {
    if (length > this.left) throw this.malformed('it ends early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  u16(): number {
    return this.take(2).readUInt16LE()
  }

  u32(): number {
    return this.take(4).readUInt32LE()
  }

  u64(): bigint {
    return this.take(8).readBigUInt64LE()
  }

  u16s(count: number): Uint16Array {
    const bytes = this.take(count * 2)
    return Uint16Array.from({ length: count }, (_, index) => bytes.readUInt16LE(index * 2))
  }
}
