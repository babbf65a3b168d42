import { decimalPrecision, decimalScale, fractionDigits, typeLength, type SqlType } from '../sql-type.ts'
import type { ByteSink } from './byte-sink.ts'
import { decimalBytes, writeLongNull } from './wire-value.ts'

/** A type on the wire: how it is declared to the server, its TYPE_INFO, and its NULL. */
export interface WireType {
  /** For the declaration of a parameter, or of a column of INSERT BULK. */
  readonly type: SqlType
  readonly writeTypeInfo: (sink: ByteSink, collation: Buffer | undefined) => void
  readonly writeNull: (sink: ByteSink) => void
  /** Values stand in chunks. */
  readonly large: boolean
}

const NO_COLLATION = Buffer.alloc(5)

/**
 * How values of a type travel. Character data of every code page goes as Unicode and is converted by the server, by the rules of
 * the column's own collation; the old large types, xml, json, vector and the CLR types go as nvarchar(max) and varbinary(max), from
 * which the server converts implicitly.
 *
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/cbe9c510-eae6-4b1f-9893-a098944d430a
 * @see https://learn.microsoft.com/sql/t-sql/data-types/data-type-conversion-database-engine
 */
export function wireType(type: SqlType): WireType {
  switch (type.name) {
    case 'bit':
      return short(type, (sink) => bytes(sink, 0x68, 1))
    case 'tinyint':
      return short(type, (sink) => bytes(sink, 0x26, 1))
    case 'smallint':
      return short(type, (sink) => bytes(sink, 0x26, 2))
    case 'int':
      return short(type, (sink) => bytes(sink, 0x26, 4))
    case 'bigint':
      return short(type, (sink) => bytes(sink, 0x26, 8))
    case 'decimal':
    case 'numeric': {
      const precision = decimalPrecision(type)
      const scale = decimalScale(type)
      return short(type, (sink) => bytes(sink, 0x6a, decimalBytes(precision), precision, scale))
    }
    case 'money':
      return short(type, (sink) => bytes(sink, 0x6e, 8))
    case 'smallmoney':
      return short(type, (sink) => bytes(sink, 0x6e, 4))
    case 'real':
      return short(type, (sink) => bytes(sink, 0x6d, 4))
    case 'float':
      return short(type, (sink) => bytes(sink, 0x6d, 8))
    case 'date':
      return short(type, (sink) => bytes(sink, 0x28))
    case 'time':
      return short(type, (sink) => bytes(sink, 0x29, fractionDigits(type)))
    case 'datetime2':
      return short(type, (sink) => bytes(sink, 0x2a, fractionDigits(type)))
    case 'datetimeoffset':
      return short(type, (sink) => bytes(sink, 0x2b, fractionDigits(type)))
    case 'datetime':
      return short(type, (sink) => bytes(sink, 0x6f, 8))
    case 'smalldatetime':
      return short(type, (sink) => bytes(sink, 0x6f, 4))
    case 'uniqueidentifier':
      return short(type, (sink) => bytes(sink, 0x24, 16))
    case 'nchar':
    case 'nvarchar':
    case 'char':
    case 'varchar':
      return text(typeLength(type))
    case 'text':
    case 'ntext':
    case 'xml':
    case 'json':
    case 'vector':
      return text(Infinity)
    case 'binary':
    case 'varbinary':
      return binary(typeLength(type))
    case 'rowversion':
      return binary(8)
    case 'hierarchyid':
      return binary(892)
    case 'image':
    case 'geography':
    case 'geometry':
      return binary(Infinity)
    case 'sql_variant':
      return {
        type,
        large: false,
        writeTypeInfo: (sink) => {
          sink.writeUInt8(0x62)
          sink.writeUInt32LE(8009)
        },
        writeNull: (sink) => sink.writeUInt32LE(0),
      }
  }
}

function short(type: SqlType, writeTypeInfo: (sink: ByteSink) => void): WireType {
  return { type, large: false, writeTypeInfo, writeNull: (sink) => sink.writeUInt8(0) }
}

/** nvarchar: 0xE7, the length in bytes or 0xFFFF, the collation. */
function text(length: number): WireType {
  const large = length > 4000
  return {
    type: { name: 'nvarchar', length: large ? 'max' : length },
    large,
    writeTypeInfo: (sink, collation) => {
      sink.writeUInt8(0xe7)
      sink.writeUInt16LE(large ? 0xffff : length * 2)
      sink.writeBuffer(collation ?? NO_COLLATION)
    },
    writeNull: (sink) => writeLongNull(sink, large),
  }
}

function binary(length: number): WireType {
  const large = length > 8000
  return {
    type: { name: 'varbinary', length: large ? 'max' : length },
    large,
    writeTypeInfo: (sink) => {
      sink.writeUInt8(0xa5)
      sink.writeUInt16LE(large ? 0xffff : length)
    },
    writeNull: (sink) => writeLongNull(sink, large),
  }
}

function bytes(sink: ByteSink, ...values: readonly number[]): void {
  for (const value of values) sink.writeUInt8(value)
}
