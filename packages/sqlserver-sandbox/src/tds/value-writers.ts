/* oxlint-disable typescript/switch-exhaustiveness-check -- the default answers for every other type */
import { type SqlType, type SqlValue, SandboxSqlError } from '../session.ts'
import { type ByteWriter } from './byte-writer.ts'
import { collationOf, encodeChars } from './collation.ts'
import { PLP_NULL, USHORT_MAX } from './constants.ts'
import { fixedData } from './fixed-writers.ts'
import { fixedToken } from './type-info.ts'
import { writeVariant } from './variant.ts'

/**
 * Writes one value of the column's type, NULL included. The casts in this file are the contract of `SqlValue`: its
 * representation follows from the column's type, and the engine keeps to it.
 */
export type ValueWriter = (out: ByteWriter, value: SqlValue) => void

const TEXT_POINTER = Buffer.concat([Buffer.from([16]), Buffer.from('dummy textptr   '), Buffer.from('dummyTS\0')])

/** The writer of a column in a row; `nullable` as in the column's metadata. */
export function valueWriter(type: SqlType, nullable: boolean): ValueWriter {
  const data = fixedData(type)
  if (data !== undefined) {
    const { length, write } = data
    if (!nullable && fixedToken(type) !== undefined) {
      return (out, value) => {
        if (value === null) throw nullInRequired(type)
        out.ensure(length)
        write(out, value)
      }
    }
    return (out, value) => {
      out.ensure(length + 1)
      if (value === null) {
        out.bytes[out.position++] = 0
      } else {
        out.bytes[out.position++] = length
        write(out, value)
      }
    }
  }
  switch (type.name) {
    case 'nvarchar':
    case 'nchar':
      return type.length === -1 ? plpText : shortText
    case 'xml':
      return plpText
    case 'varchar':
    case 'char': {
      const collation = collationOf(type.collation)
      const write = type.length === -1 ? plpBytes : shortBytes
      return (out, value) => write(out, value === null ? null : encodeChars(value as string, collation))
    }
    case 'varbinary':
    case 'binary':
      return type.length === -1 ? plpBytes : shortBytes
    case 'rowversion':
      return shortBytes
    case 'image':
      return textPointerBytes
    case 'text': {
      const collation = collationOf(type.collation)
      return (out, value) => textPointerBytes(out, value === null ? null : encodeChars(value as string, collation))
    }
    case 'ntext':
      return (out, value) => textPointerBytes(out, value === null ? null : Buffer.from(value as string, 'utf16le'))
    case 'sql_variant':
      return writeVariant
    default:
      throw new TypeError(`no writer for ${type.name}`)
  }
}

function shortText(out: ByteWriter, value: SqlValue): void {
  if (value === null) return out.uint16(USHORT_MAX)
  out.uint16((value as string).length * 2)
  out.utf16(value as string)
}

function shortBytes(out: ByteWriter, value: SqlValue): void {
  if (value === null) return out.uint16(USHORT_MAX)
  out.uint16((value as Uint8Array).length)
  out.data(value as Uint8Array)
}

function plpText(out: ByteWriter, value: SqlValue): void {
  if (value === null) return out.uint64(PLP_NULL)
  const length = (value as string).length * 2
  out.uint64(BigInt(length))
  if (length > 0) {
    out.uint32(length)
    out.utf16(value as string)
  }
  out.uint32(0)
}

function plpBytes(out: ByteWriter, value: SqlValue): void {
  if (value === null) return out.uint64(PLP_NULL)
  const { length } = value as Uint8Array
  out.uint64(BigInt(length))
  if (length > 0) {
    out.uint32(length)
    out.data(value as Uint8Array)
  }
  out.uint32(0)
}

/** text, ntext and image: a text pointer and a timestamp, which nobody reads, stand before the data. */
function textPointerBytes(out: ByteWriter, value: SqlValue): void {
  if (value === null) return out.uint8(0)
  out.data(TEXT_POINTER)
  out.uint32((value as Uint8Array).length)
  out.data(value as Uint8Array)
}

function nullInRequired(type: SqlType): SandboxSqlError {
  const message = `Sandbox: the engine gave NULL for a ${type.name} column that it had called NOT NULL.`
  return new SandboxSqlError({ number: 50000, state: 1, severity: 16, message, line: 1 })
}
