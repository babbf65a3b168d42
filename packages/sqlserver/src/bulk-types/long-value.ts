/** A value of so many bytes goes to the server in parts, each made when the one before it has gone. */
export const LONG_BYTES: number = 1 << 20
const PART_BYTES = 128 * 1024

/** The chunks of a text in UTF-8 as the wire has them: UTF-16, each behind its length. */
export function* utf16Chunks(utf8: Uint8Array): Generator<Buffer, void, undefined> {
  for (const text of textParts(utf8)) {
    const chunk = Buffer.allocUnsafeSlow(4 + text.length * 2)
    chunk.writeUInt32LE(text.length * 2)
    chunk.write(text, 4, 'utf16le')
    yield chunk
  }
}

/** The chunks of a binary value, which are views of it. */
export function* binaryChunks(value: Uint8Array): Generator<Buffer, void, undefined> {
  for (let at = 0; at < value.length; at += PART_BYTES) {
    const part = Buffer.from(value.buffer, value.byteOffset + at, Math.min(PART_BYTES, value.length - at))
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(part.length)
    yield length
    yield part
  }
}

/** A text in parts that end between characters. */
export function* textParts(utf8: Uint8Array): Generator<string, void, undefined> {
  const bytes = Buffer.from(utf8.buffer, utf8.byteOffset, utf8.length)
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(at + PART_BYTES, bytes.length)
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
    yield bytes.toString('utf8', at, end)
    at = end
  }
}
