/* oxlint-disable typescript/switch-exhaustiveness-check -- the default answers for every other type */
import type { SqlValue } from '../session.ts'
import { type ByteCursor } from './byte-cursor.ts'
import { type Collation, collationOf, decodeChars } from './collation.ts'
import { PLP_NULL, TYPE, USHORT_MAX } from './constants.ts'
import { fixedReader } from './fixed-readers.ts'
import { type WireType, fixedToken } from './type-info.ts'
import { readVariant } from './variant.ts'

/** Reads one value, NULL included; throws `NEED_MORE` where the cursor ends. */
export type ValueReader = (cursor: ByteCursor) => SqlValue

export function valueReader(wire: WireType): ValueReader {
  const { type, token } = wire
  const collation = wire.collation ?? collationOf()
  if (token === TYPE.null) return () => null
  switch (type.name) {
    case 'nvarchar':
    case 'nchar':
      return type.length === -1 ? plpText : shortText
    case 'varchar':
    case 'char': {
      const read = type.length === -1 ? plp : shortBytes
      return (cursor) => chars(read(cursor), collation)
    }
    case 'varbinary':
    case 'binary': {
      const read = type.length === -1 ? plp : shortBytes
      return (cursor) => copied(read(cursor))
    }
    case 'xml':
      return (cursor) => {
        const text = plpText(cursor)
        // A byte order mark is allowed before the document and is no part of it.
        return typeof text === 'string' && text.startsWith('\ufeff') ? text.slice(1) : text
      }
    case 'text':
      return (cursor) => chars(longBytes(cursor), collation)
    case 'ntext':
      return (cursor) => longBytes(cursor)?.toString('utf16le') ?? null
    case 'image':
      return (cursor) => copied(longBytes(cursor))
    case 'sql_variant':
      return readVariant
    default: {
      const read = fixedReader(type)
      if (token === fixedToken(type)) return (cursor) => read(cursor, fixedLength(token))
      return (cursor) => {
        const length = cursor.uint8()
        return length === 0 ? null : read(cursor, length)
      }
    }
  }
}

const FIXED_LENGTHS: ReadonlyMap<number, number> = new Map<number, number>([
  [TYPE.bit, 1],
  [TYPE.int1, 1],
  [TYPE.int2, 2],
  [TYPE.int4, 4],
  [TYPE.int8, 8],
  [TYPE.float4, 4],
  [TYPE.float8, 8],
  [TYPE.money, 8],
  [TYPE.money4, 4],
  [TYPE.datetime, 8],
  [TYPE.datetime4, 4],
])

function fixedLength(token: number): number {
  return FIXED_LENGTHS.get(token) ?? 0
}

function shortText(cursor: ByteCursor): string | null {
  const length = cursor.uint16()
  return length === USHORT_MAX ? null : cursor.utf16(length)
}

function shortBytes(cursor: ByteCursor): Buffer | null {
  const length = cursor.uint16()
  return length === USHORT_MAX ? null : cursor.data(length)
}

/** text, ntext and image: NULL is the length -1; RPC parameters carry no text pointer. */
function longBytes(cursor: ByteCursor): Buffer | null {
  const length = cursor.int32()
  return length < 0 ? null : cursor.data(length)
}

function plp(cursor: ByteCursor): Buffer | null {
  if (cursor.uint64() === PLP_NULL) return null
  const chunks: Buffer[] = []
  for (;;) {
    const length = cursor.uint32()
    if (length === 0) return chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks)
    chunks.push(cursor.data(length))
  }
}

function plpText(cursor: ByteCursor): string | null {
  return plp(cursor)?.toString('utf16le') ?? null
}

function chars(bytes: Buffer | null, collation: Collation): string | null {
  return bytes === null ? null : decodeChars(bytes, collation)
}

/** The cursor's bytes are reused and kept alive as long as any view of them: values are copies. */
function copied(bytes: Buffer | null): Uint8Array | null {
  return bytes === null ? null : Uint8Array.from(bytes)
}
