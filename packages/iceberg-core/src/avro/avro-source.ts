import type { FileIO } from '../port/file-io.ts'
import { damaged } from './cursor.ts'

/** Read in pieces of this size, so that memory is bounded by it and by one block. */
const pieceBytes = 4 << 20

export interface AvroSourceOptions {
  /** The file's size, where it is known for sure. */
  readonly sizeBytes?: number | undefined
  /** How much to fetch at once at first. */
  readonly firstBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A file's bytes in order, fetched in pieces, the first one without waiting to be asked. */
export class AvroSource {
  readonly path: string
  readonly #io: FileIO
  readonly #signal: AbortSignal | undefined
  #first: Promise<Uint8Array> | undefined
  /** Known when given, when a read came back short, or when the store was asked. */
  #sizeBytes: number | undefined
  #piece: Uint8Array = new Uint8Array(0)
  #at = 0
  #fetched = 0

  constructor(io: FileIO, path: string, options: AvroSourceOptions) {
    this.#io = io
    this.path = path
    this.#sizeBytes = options.sizeBytes
    this.#signal = options.signal
    this.#first = this.#read(Math.min(options.firstBytes ?? pieceBytes, options.sizeBytes ?? pieceBytes))
    // Nobody may come to wait for it, when a scan ends early.
    this.#first.catch(() => undefined)
  }

  /** Bytes consumed so far. */
  get position(): number {
    return this.#fetched - this.#piece.length + this.#at
  }

  async atEnd(): Promise<boolean> {
    if (this.#at < this.#piece.length) return false
    return this.#first === undefined && this.#fetched >= (await this.#size())
  }

  /** The next `count` bytes. @throws IcebergError `malformed-manifest` when the file does not have them. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#piece.length - this.#at < count) await this.#fetch(count)
    const bytes = this.#piece.subarray(this.#at, this.#at + count)
    this.#at += count
    return bytes
  }

  async long(): Promise<bigint> {
    let value = 0n
    for (let shift = 0n; shift <= 63n; shift += 7n) {
      const byte = (await this.take(1))[0] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw damaged('an integer has too many bytes')
  }

  /** A length: at most the number of bytes that are left in the file. */
  async length(): Promise<number> {
    const value = await this.long()
    const here = BigInt(this.#piece.length - this.#at)
    if (value < 0n || (value > here && value > BigInt((await this.#size()) - this.position))) {
      throw damaged('a length is larger than the file')
    }
    return Number(value)
  }

  /** Takes in the next piece, of at least as much as makes `count` bytes together with what is left. */
  async #fetch(count: number): Promise<void> {
    const rest = this.#piece.subarray(this.#at)
    const first = this.#first
    this.#first = undefined
    if (first === undefined && this.#fetched >= (await this.#size())) throw damaged('the file ends too early')
    const next = await (first ?? this.#read(Math.max(pieceBytes, count - rest.length)))
    const joined = rest.length === 0 ? next : new Uint8Array(rest.length + next.length)
    if (joined !== next) {
      joined.set(rest)
      joined.set(next, rest.length)
    }
    this.#piece = joined
    this.#fetched += next.length
    this.#at = 0
  }

  async #read(bytes: number): Promise<Uint8Array> {
    const start = this.#fetched
    const end = Math.min(start + bytes, this.#sizeBytes ?? Number.POSITIVE_INFINITY)
    const options = { range: { start, end }, signal: this.#signal }
    const read = await this.#io.read(this.path, options)
    if (read.length < end - start) this.#sizeBytes = start + read.length
    return read
  }

  /** Asked of the store where no read came back short: the length in a manifest list is not always right. */
  async #size(): Promise<number> {
    this.#sizeBytes ??= (await this.#io.stat(this.path, { signal: this.#signal })).sizeBytes
    return this.#sizeBytes
  }
}
