import { hashBytes } from './row-keys.ts'

const firstEntries = 64
const firstBytes = 1024

/** Keys of bytes, each with `width` 32-bit values: a hash table over flat memory. Entries are numbered from 0. */
export class KeyTable {
  /** `width` numbers an entry. */
  values: Int32Array
  readonly width: number
  #size = 0
  /** Keys one after the other; entry `e` is from `#ends[e - 1]` to `#ends[e]`. */
  #bytes: Uint8Array = new Uint8Array(firstBytes)
  #ends: Uint32Array = new Uint32Array(firstEntries)
  #hashes: Uint32Array = new Uint32Array(firstEntries)
  /** Entry + 1 at the place of its hash or soon after; 0 where there is none. */
  #slots: Int32Array = new Int32Array(firstEntries * 2)

  constructor(width: number) {
    this.width = width
    this.values = new Int32Array(firstEntries * width)
  }

  get size(): number {
    return this.#size
  }

  get byteSize(): number {
    return (
      this.#bytes.byteLength +
      this.#ends.byteLength +
      this.#hashes.byteLength +
      this.#slots.byteLength +
      this.values.byteLength
    )
  }

  /** The entry of a key, -1 when there is none. */
  find(key: Uint8Array, length: number, hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] ?? 0) - 1
      if (entry < 0) return -1
      if (this.#hashes[entry] === hash && this.#equals(entry, key, length)) return entry
    }
  }

  /** The entry of a key, made with values of 0 when there was none. */
  insert(key: Uint8Array, length: number, hash: number): number {
    const found = this.find(key, length, hash)
    if (found >= 0) return found
    const entry = this.#size
    if (entry === this.#ends.length) this.#growEntries()
    const start = this.#start(entry)
    if (start + length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, start + length))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes.set(key.subarray(0, length), start)
    this.#ends[entry] = start + length
    this.#hashes[entry] = hash
    this.#size++
    this.#place(entry)
    return entry
  }

  /** Visits each key with its values; the bytes are the table's own. */
  forEach(visit: (key: Uint8Array, values: Int32Array) => void): void {
    for (let entry = 0; entry < this.#size; entry++) {
      const key = this.#bytes.subarray(this.#start(entry), this.#ends[entry])
      visit(key, this.values.subarray(entry * this.width, (entry + 1) * this.width))
    }
  }

  #start(entry: number): number {
    return entry === 0 ? 0 : (this.#ends[entry - 1] ?? 0)
  }

  #equals(entry: number, key: Uint8Array, length: number): boolean {
    const start = this.#start(entry)
    if ((this.#ends[entry] ?? 0) - start !== length) return false
    for (let at = 0; at < length; at++) if (this.#bytes[start + at] !== key[at]) return false
    return true
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1
    let slot = (this.#hashes[entry] ?? 0) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = entry + 1
  }

  #growEntries(): void {
    const capacity = this.#ends.length * 2
    this.#ends = grow(this.#ends, new Uint32Array(capacity))
    this.#hashes = grow(this.#hashes, new Uint32Array(capacity))
    this.values = grow(this.values, new Int32Array(capacity * this.width))
    this.#slots = new Int32Array(capacity * 2)
    for (let entry = 0; entry < this.#size; entry++) this.#place(entry)
  }
}

function grow<A extends Int32Array | Uint32Array>(from: A, to: A): A {
  to.set(from)
  return to
}

/** A table's content as bytes: for each entry the key's length, the values, and the key. */
export function dumpTable(table: KeyTable): Buffer {
  const parts: Buffer[] = []
  table.forEach((key, values) => parts.push(recordOf(key, values)))
  return Buffer.concat(parts)
}

/** One entry of {@link dumpTable}. */
export function recordOf(key: Uint8Array, values: ArrayLike<number>): Buffer {
  const record = Buffer.allocUnsafe(4 + values.length * 4 + key.length)
  record.writeUInt32LE(key.length)
  for (let index = 0; index < values.length; index++) record.writeInt32LE(values[index] ?? 0, 4 + index * 4)
  record.set(key, 4 + values.length * 4)
  return record
}

/** Puts records, as {@link dumpTable} gives them, into a table; `merge` adds the values of a record to those of its entry. */
export function loadRecords(
  table: KeyTable,
  records: Buffer,
  merge: (table: KeyTable, entry: number, values: readonly number[]) => void,
): void {
  for (let at = 0; at < records.length;) {
    const length = records.readUInt32LE(at)
    const values: number[] = []
    for (let index = 0; index < table.width; index++) values.push(records.readInt32LE(at + 4 + index * 4))
    const start = at + 4 + table.width * 4
    const key = records.subarray(start, start + length)
    merge(table, table.insert(key, length, hashBytes(key, length)), values)
    at = start + length
  }
}
