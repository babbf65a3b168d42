/* oxlint-disable typescript/switch-exhaustiveness-check -- the default answers for every other type */
import type { SqlType, SqlValue } from '../session.ts'
import { type ByteCursor } from './byte-cursor.ts'
import type { ByteWriter } from './byte-writer.ts'
import { collationFromBytes, collationOf, decodeChars, encodeChars } from './collation.ts'
import { TYPE } from './constants.ts'
import { type FixedReader, fixedReader } from './fixed-readers.ts'
import { fixedData } from './fixed-writers.ts'
import { UnsupportedWireTypeError, fixedToken } from './type-info.ts'

/**
 * Writes a sql_variant: total length, base type, its properties, its bytes.
 * @see [MS-TDS] 2.2.5.5.4
 */
export function writeVariant(out: ByteWriter, value: SqlValue): void {
  if (value === null) return out.uint32(0)
  const { type, value: inner } = value as { type: SqlType; value: SqlValue } // the contract of SqlValue for sql_variant
  if (inner === null) return out.uint32(0)
  const lengthAt = out.position
  out.uint32(0)
  const start = out.position
  const fixed = fixedData(type)
  if (fixed !== undefined) {
    writeFixedHead(out, type)
    out.ensure(fixed.length)
    fixed.write(out, inner)
  } else {
    writeVariable(out, type, inner)
  }
  out.view.setUint32(lengthAt, out.position - start, true)
}

function writeFixedHead(out: ByteWriter, type: SqlType): void {
  switch (type.name) {
    case 'decimal':
    case 'numeric':
      out.data(Uint8Array.of(type.name === 'decimal' ? TYPE.decimalN : TYPE.numericN, 2, type.precision, type.scale))
      return
    case 'time':
    case 'datetime2':
    case 'datetimeoffset':
      out.data(Uint8Array.of(TYPE[type.name], 1, type.scale))
      return
    default: {
      const token = type.name === 'date' ? TYPE.date : type.name === 'uniqueidentifier' ? TYPE.guid : fixedToken(type)
      if (token === undefined) throw cannotHold(type)
      out.data(Uint8Array.of(token, 0))
    }
  }
}

function writeVariable(out: ByteWriter, type: SqlType, value: SqlValue): void {
  switch (type.name) {
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar': {
      const collation = collationOf(type.collation)
      const wide = type.name.startsWith('n')
      const bytes = wide ? Buffer.from(value as string, 'utf16le') : encodeChars(value as string, collation)
      out.data(Uint8Array.of(TYPE[type.name], 7, ...collation.bytes))
      out.uint16(type.length === -1 ? 8000 : type.length * (wide ? 2 : 1))
      return out.data(bytes)
    }
    case 'binary':
    case 'varbinary':
      out.data(Uint8Array.of(TYPE[type.name], 2))
      out.uint16(type.length === -1 ? 8000 : type.length)
      return out.data(value as Uint8Array)
    default:
      throw cannotHold(type)
  }
}

const FIXED_BASES: ReadonlyMap<number, SqlType> = new Map<number, SqlType>([
  [TYPE.bit, { name: 'bit' }],
  [TYPE.int1, { name: 'tinyint' }],
  [TYPE.int2, { name: 'smallint' }],
  [TYPE.int4, { name: 'int' }],
  [TYPE.int8, { name: 'bigint' }],
  [TYPE.float4, { name: 'real' }],
  [TYPE.float8, { name: 'float' }],
  [TYPE.money, { name: 'money' }],
  [TYPE.money4, { name: 'smallmoney' }],
  [TYPE.datetime, { name: 'datetime' }],
  [TYPE.datetime4, { name: 'smalldatetime' }],
  [TYPE.date, { name: 'date' }],
  [TYPE.guid, { name: 'uniqueidentifier' }],
])

/** Reads a sql_variant as a client sends it. */
export function readVariant(cursor: ByteCursor): SqlValue {
  const total = cursor.uint32()
  if (total === 0) return null
  const end = cursor.position + total
  cursor.take(total)
  cursor.position = end - total
  const token = cursor.uint8()
  const propertyLength = cursor.uint8()
  const dataLength = total - 2 - propertyLength
  const fixed = FIXED_BASES.get(token)
  if (fixed !== undefined) return read(cursor, fixed, dataLength)
  switch (token) {
    case TYPE.decimalN:
    case TYPE.numericN: {
      const name = token === TYPE.decimalN ? 'decimal' : 'numeric'
      return read(cursor, { name, precision: cursor.uint8(), scale: cursor.uint8() }, dataLength)
    }
    case TYPE.time:
      return read(cursor, { name: 'time', scale: cursor.uint8() }, dataLength)
    case TYPE.datetime2:
      return read(cursor, { name: 'datetime2', scale: cursor.uint8() }, dataLength)
    case TYPE.datetimeoffset:
      return read(cursor, { name: 'datetimeoffset', scale: cursor.uint8() }, dataLength)
    case TYPE.char:
    case TYPE.varchar: {
      const collation = collationFromBytes(Uint8Array.from(cursor.data(5)))
      const type: SqlType = { name: token === TYPE.char ? 'char' : 'varchar', length: cursor.uint16() }
      return { type, value: decodeChars(cursor.data(dataLength), collation) }
    }
    case TYPE.nchar:
    case TYPE.nvarchar: {
      cursor.take(5)
      const type: SqlType = { name: token === TYPE.nchar ? 'nchar' : 'nvarchar', length: cursor.uint16() / 2 }
      return { type, value: cursor.utf16(dataLength) }
    }
    case TYPE.binary:
    case TYPE.varbinary: {
      const type: SqlType = { name: token === TYPE.binary ? 'binary' : 'varbinary', length: cursor.uint16() }
      return { type, value: Uint8Array.from(cursor.data(dataLength)) }
    }
    default:
      throw new UnsupportedWireTypeError(`A sql_variant cannot hold the type 0x${token.toString(16)}.`)
  }
}

function read(cursor: ByteCursor, type: SqlType, length: number): SqlValue {
  const reader: FixedReader = fixedReader(type)
  return { type, value: reader(cursor, length) }
}

function cannotHold(type: SqlType): Error {
  return new UnsupportedWireTypeError(`A sql_variant cannot hold ${type.name}.`)
}
