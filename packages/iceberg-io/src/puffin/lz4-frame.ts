import { xxHash32 } from './xxhash32.ts'

const magic = 0x184d_2204
const shortestMatch = 4

/**
 * The content of one LZ4 frame.
 *
 * @throws what `malformed` makes of a reason; also for content past `mostBytes`.
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
export function decompressLz4Frame(
  frame: Uint8Array,
  mostBytes: number,
  malformed: (reason: string) => Error,
): Uint8Array {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
  const need = (at: number, length: number): void => {
    if (at + length > bytes.length) throw malformed('its LZ4 frame ends early')
  }
  need(0, 7)
  if (bytes.readUInt32LE(0) !== magic) throw malformed('it is not an LZ4 frame')
  const flags = bytes[4] ?? 0
  if (flags >>> 6 !== 1) throw malformed('its LZ4 frame has an unknown version')
  const [blockChecksums, hasSize, contentChecksum, hasDictionary] = [16, 8, 4, 1].map((bit) => (flags & bit) !== 0)
  if (hasDictionary === true) throw malformed('its LZ4 frame needs a dictionary')
  const headerEnd = 6 + (hasSize === true ? 8 : 0)
  need(headerEnd, 1)
  if (((xxHash32(bytes.subarray(4, headerEnd)) >>> 8) & 0xff) !== bytes[headerEnd]) {
    throw malformed('the header of its LZ4 frame has a wrong checksum')
  }
  const size = hasSize === true ? bytes.readBigUInt64LE(6) : undefined
  if (size !== undefined && size > BigInt(mostBytes)) throw malformed(`its content of ${size} bytes is too large`)
  const output = new Output(size === undefined ? undefined : Number(size), mostBytes, malformed)
  let at = headerEnd + 1
  for (;;) {
    need(at, 4)
    const word = bytes.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const length = word & 0x7fff_ffff
    need(at, length)
    const block = bytes.subarray(at, at + length)
    if (word >>> 31 === 1) output.literals(block)
    else decompressBlock(block, output, malformed)
    at += length
    if (blockChecksums === true) {
      need(at, 4)
      if (bytes.readUInt32LE(at) !== xxHash32(block)) throw malformed('a block of its LZ4 frame has a wrong checksum')
      at += 4
    }
  }
  const content = output.content()
  if (size !== undefined && BigInt(content.length) !== size) {
    throw malformed(`its LZ4 frame declares ${size} bytes and holds ${content.length}`)
  }
  if (contentChecksum === true) {
    need(at, 4)
    if (bytes.readUInt32LE(at) !== xxHash32(content)) throw malformed('its LZ4 content has a wrong checksum')
  }
  return content
}

/** @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */
function decompressBlock(block: Uint8Array, output: Output, malformed: (reason: string) => Error): void {
  let at = 0
  const longer = (length: number): number => {
    let total = length
    if (length < 15) return total
    for (;;) {
      const more = block[at++]
      if (more === undefined) throw malformed('an LZ4 block ends early')
      total += more
      if (more < 255) return total
    }
  }
  while (at < block.length) {
    const token = block[at++] ?? 0
    const literals = longer(token >>> 4)
    if (at + literals > block.length) throw malformed('an LZ4 block ends early')
    output.literals(block.subarray(at, at + literals))
    at += literals
    // The last sequence has literals only.
    if (at === block.length) return
    const offset = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8)
    at += 2
    if (at > block.length) throw malformed('an LZ4 block ends early')
    output.match(offset, longer(token & 15) + shortestMatch)
  }
}

/** The bytes decompressed so far: matches reach back into them, over blocks too. */
class Output {
  readonly #limit: number
  readonly #malformed: (reason: string) => Error
  #bytes: Uint8Array
  #length = 0

  constructor(size: number | undefined, mostBytes: number, malformed: (reason: string) => Error) {
    this.#limit = size ?? mostBytes
    this.#malformed = malformed
    // A declared size is believed only as far as data comes.
    this.#bytes = new Uint8Array(Math.min(this.#limit, 65_536))
  }

  literals(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  match(offset: number, length: number): void {
    if (offset === 0 || offset > this.#length) throw this.#malformed('an LZ4 match reaches before the content')
    this.#room(length)
    for (let left = length; left > 0; left--) {
      this.#bytes[this.#length] = this.#bytes[this.#length - offset] ?? 0
      this.#length++
    }
  }

  content(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(length: number): void {
    const needed = this.#length + length
    if (needed > this.#limit) throw this.#malformed(`its LZ4 content passes ${this.#limit} bytes`)
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
