import { isAscii } from 'node:buffer'
import type { BinaryBuilder, StringBuilder } from '@icebridge/columnar'
import type { ResultColumn } from '../session.ts'
import { codePageDecoder, type CodePageDecoder } from './code-page-text.ts'
import type { WireDecoder } from './wire-decoder.ts'

/** A value that cannot be kept. Its bytes were read to the end: the next value begins at `position`. */
export class RefusedValue extends Error {
  readonly position: number
  /** Of the whole value on the wire, where they were counted. */
  readonly bytes: number | undefined

  constructor(cause: unknown, position: number, bytes: number | undefined) {
    super('a value cannot be kept', { cause })
    this.position = position
    this.bytes = bytes
  }
}

/** What takes a value in parts. */
interface Parts {
  null(): void
  begin(bytes: number | undefined): void
  part(buffer: Buffer, start: number, end: number): void
  end(): void
}

const ALL_ONES = 0xffff_ffff
const UNKNOWN_LOW = 0xffff_fffe

/**
 * Values in chunks (nvarchar(max), xml), which go to the column as they arrive: the whole value is held once, as UTF-8, and never as
 * UTF-16 or as a string.
 */
export function largeText(builder: StringBuilder): WireDecoder {
  return inParts({
    null: () => builder.appendNull(),
    begin: (bytes) => builder.beginUtf16(bytes),
    part: (buffer, start, end) => builder.appendUtf16Part(buffer, start, end),
    end: () => builder.endUtf16(),
  })
}

/** The same for varchar(max), whose code page is the column's. */
export function largeCharacters(builder: StringBuilder, column: ResultColumn): WireDecoder {
  let decoder: CodePageDecoder | undefined
  return inParts({
    null: () => builder.appendNull(),
    begin: (bytes) => {
      decoder = undefined
      // At most three bytes of UTF-8 for a byte; a character of two bytes in its code page has no more than four.
      builder.beginText(bytes === undefined ? undefined : { least: bytes >> 1, most: bytes * 3 })
    },
    part: (buffer, start, end) => {
      // A byte of ASCII is a character by itself only where it does not go on with one that was begun.
      if (decoder === undefined && isAscii(buffer.subarray(start, end))) {
        builder.appendAsciiText(buffer, start, end)
        return
      }
      decoder ??= codePageDecoder(column)
      builder.appendText(decoder.write(buffer.subarray(start, end)))
    },
    end: () => {
      const rest = decoder?.end()
      if (rest !== undefined && rest !== '') builder.appendText(rest)
      builder.endUtf16()
    },
  })
}

/** The same for varbinary(max). */
export function largeBytes(builder: BinaryBuilder): WireDecoder {
  return inParts({
    null: () => builder.appendNull(),
    begin: (bytes) => builder.beginParts(bytes),
    part: (buffer, start, end) => builder.appendPart(buffer, start, end),
    end: () => builder.endParts(),
  })
}

/**
 * A length of eight bytes, or all ones for NULL, or one less for a length that is not said; then chunks, each behind its length of
 * four bytes, and an empty one.
 *
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/84d5c4a2-3ea8-46f3-8ed3-a4f9d9cd6bd0
 */
function inParts(parts: Parts): WireDecoder {
  let isOpen = false
  let expected: number | undefined
  let received = 0
  let left = 0
  let refused: { readonly error: unknown } | undefined
  const keep = (work: () => void): void => {
    if (refused !== undefined) return
    try {
      work()
    } catch (error) {
      refused = { error }
    }
  }
  return (buffer, from, parser) => {
    let at = from
    if (!isOpen) {
      if (at + 8 > buffer.length) return -(at + 8)
      const low = buffer.readUInt32LE(at)
      const high = buffer.readUInt32LE(at + 4)
      at += 8
      if (low === ALL_ONES && high === ALL_ONES) {
        parts.null()
        return at
      }
      expected = low === UNKNOWN_LOW && high === ALL_ONES ? undefined : high * 0x1_0000_0000 + low
      isOpen = true
      received = 0
      left = 0
      refused = undefined
      keep(() => parts.begin(expected))
    }
    for (;;) {
      if (left === 0) {
        if (at + 4 > buffer.length) {
          parser.position = at
          return -(at + 4)
        }
        left = buffer.readUInt32LE(at)
        at += 4
        if (left === 0) break
      }
      const start = at
      const end = Math.min(start + left, buffer.length)
      if (start === end) {
        parser.position = at
        return -(at + 1)
      }
      keep(() => parts.part(buffer, start, end))
      received += end - start
      left -= end - start
      at = end
    }
    isOpen = false
    if (expected !== undefined && received !== expected) {
      throw new Error(`a value of ${expected} bytes was announced and ${received} came`)
    }
    keep(() => parts.end())
    if (refused !== undefined) throw new RefusedValue(refused.error, at, received)
    return at
  }
}
