/* oxlint-disable typescript/switch-exhaustiveness-check -- the default answers for every other type */
import type { SqlType } from '../session.ts'
import { type ByteCursor } from './byte-cursor.ts'
import type { ByteWriter } from './byte-writer.ts'
import { type Collation, collationFromBytes, collationOf } from './collation.ts'
import { TYPE, USHORT_MAX } from './constants.ts'

/** What TYPE_INFO says: the type, and how its values are laid out. */
export interface WireType {
  readonly type: SqlType
  /** The token's type byte, which decides the value's layout. */
  readonly token: number
  readonly collation?: Collation
}

export class UnsupportedWireTypeError extends Error {
  override readonly name = 'UnsupportedWireTypeError'
}

const MAX_TEXT_BYTES = 0x7fffffff
const MAX_VARIANT_BYTES = 8009

/** Bytes of a decimal's magnitude by its precision. @see [MS-TDS] 2.2.5.5.1.6 */
export function decimalLength(precision: number): 4 | 8 | 12 | 16 {
  return precision <= 9 ? 4 : precision <= 19 ? 8 : precision <= 28 ? 12 : 16
}

/** UserType of a column: 80 marks a rowversion, as the server does. */
export function userType(type: SqlType): number {
  return type.name === 'rowversion' ? 80 : 0
}

/** Fixed-length tokens of columns that cannot be NULL; every other type is sent in its nullable form. */
const FIXED: Partial<Record<SqlType['name'], number>> = {
  bit: TYPE.bit,
  tinyint: TYPE.int1,
  smallint: TYPE.int2,
  int: TYPE.int4,
  bigint: TYPE.int8,
  real: TYPE.float4,
  float: TYPE.float8,
  money: TYPE.money,
  smallmoney: TYPE.money4,
  datetime: TYPE.datetime,
  smalldatetime: TYPE.datetime4,
}

/** The type byte of a fixed-length type, where a column that is never NULL is sent as one. */
export function fixedToken(type: SqlType): number | undefined {
  return FIXED[type.name]
}

const SIZED: Partial<Record<SqlType['name'], readonly [token: number, length: number]>> = {
  bit: [TYPE.bitN, 1],
  tinyint: [TYPE.intN, 1],
  smallint: [TYPE.intN, 2],
  int: [TYPE.intN, 4],
  bigint: [TYPE.intN, 8],
  real: [TYPE.floatN, 4],
  float: [TYPE.floatN, 8],
  money: [TYPE.moneyN, 8],
  smallmoney: [TYPE.moneyN, 4],
  datetime: [TYPE.datetimeN, 8],
  smalldatetime: [TYPE.datetimeN, 4],
  uniqueidentifier: [TYPE.guid, 16],
}

/** Writes TYPE_INFO. @see [MS-TDS] 2.2.5.6 */
export function writeTypeInfo(out: ByteWriter, type: SqlType, nullable: boolean): void {
  const fixed = nullable ? undefined : fixedToken(type)
  if (fixed !== undefined) return out.uint8(fixed)
  const sized = SIZED[type.name]
  if (sized !== undefined) {
    out.uint8(sized[0])
    return out.uint8(sized[1])
  }
  switch (type.name) {
    case 'decimal':
    case 'numeric':
      out.uint8(type.name === 'decimal' ? TYPE.decimalN : TYPE.numericN)
      out.uint8(decimalLength(type.precision) + 1)
      out.uint8(type.precision)
      return out.uint8(type.scale)
    case 'date':
      return out.uint8(TYPE.date)
    case 'time':
    case 'datetime2':
    case 'datetimeoffset':
      out.uint8(TYPE[type.name])
      return out.uint8(type.scale)
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar': {
      out.uint8(TYPE[type.name])
      const unit = type.name.startsWith('n') ? 2 : 1
      out.uint16(type.length === -1 ? USHORT_MAX : type.length * unit)
      return out.data(collationOf(type.collation).bytes)
    }
    case 'text':
    case 'ntext':
      out.uint8(TYPE[type.name])
      out.uint32(MAX_TEXT_BYTES)
      return out.data(collationOf(type.collation).bytes)
    case 'image':
      out.uint8(TYPE.image)
      return out.uint32(MAX_TEXT_BYTES)
    case 'binary':
    case 'varbinary':
      out.uint8(TYPE[type.name])
      return out.uint16(type.length === -1 ? USHORT_MAX : type.length)
    case 'rowversion':
      out.uint8(TYPE.binary)
      return out.uint16(8)
    case 'xml':
      out.uint8(TYPE.xml)
      return out.uint8(0)
    case 'sql_variant':
      out.uint8(TYPE.variant)
      return out.uint32(MAX_VARIANT_BYTES)
    default:
      throw new UnsupportedWireTypeError(`The sandbox cannot send a column of type ${type.name}.`)
  }
}

const INT_BY_LENGTH: ReadonlyMap<number, 'tinyint' | 'smallint' | 'int' | 'bigint'> = new Map([
  [1, 'tinyint'],
  [2, 'smallint'],
  [4, 'int'],
  [8, 'bigint'],
])

const FIXED_TYPES: ReadonlyMap<number, SqlType> = new Map(
  Object.entries(FIXED).map(([name, token]) => [token, { name } as SqlType]), // the keys of FIXED are type names without arguments
)

/** Reads TYPE_INFO as a client sends it in RPC parameters and bulk column metadata. */
export function readTypeInfo(cursor: ByteCursor): WireType {
  const token = cursor.uint8()
  const fixed = FIXED_TYPES.get(token)
  if (fixed !== undefined) return { type: fixed, token }
  switch (token) {
    case TYPE.null:
      return { type: { name: 'nvarchar', length: 4000 }, token }
    case TYPE.intN: {
      const name = INT_BY_LENGTH.get(cursor.uint8())
      if (name === undefined) throw new UnsupportedWireTypeError('An INTN has 1, 2, 4 or 8 bytes.')
      return { type: { name }, token }
    }
    case TYPE.bitN:
      cursor.uint8()
      return { type: { name: 'bit' }, token }
    case TYPE.floatN:
      return { type: { name: cursor.uint8() === 4 ? 'real' : 'float' }, token }
    case TYPE.moneyN:
      return { type: { name: cursor.uint8() === 4 ? 'smallmoney' : 'money' }, token }
    case TYPE.datetimeN:
      return { type: { name: cursor.uint8() === 4 ? 'smalldatetime' : 'datetime' }, token }
    case TYPE.guid:
      cursor.uint8()
      return { type: { name: 'uniqueidentifier' }, token }
    case TYPE.decimalN:
    case TYPE.numericN: {
      cursor.uint8()
      const precision = cursor.uint8()
      const scale = cursor.uint8()
      return { type: { name: token === TYPE.decimalN ? 'decimal' : 'numeric', precision, scale }, token }
    }
    case TYPE.date:
      return { type: { name: 'date' }, token }
    case TYPE.time:
      return { type: { name: 'time', scale: cursor.uint8() }, token }
    case TYPE.datetime2:
      return { type: { name: 'datetime2', scale: cursor.uint8() }, token }
    case TYPE.datetimeoffset:
      return { type: { name: 'datetimeoffset', scale: cursor.uint8() }, token }
    case TYPE.char:
    case TYPE.varchar: {
      const length = cursor.uint16()
      const name = token === TYPE.char ? 'char' : 'varchar'
      return { type: { name, length: length === USHORT_MAX ? -1 : length }, token, collation: readCollation(cursor) }
    }
    case TYPE.nchar:
    case TYPE.nvarchar: {
      const length = cursor.uint16()
      const name = token === TYPE.nchar ? 'nchar' : 'nvarchar'
      return {
        type: { name, length: length === USHORT_MAX ? -1 : length / 2 },
        token,
        collation: readCollation(cursor),
      }
    }
    case TYPE.text:
    case TYPE.ntext:
      cursor.uint32()
      return { type: { name: token === TYPE.text ? 'text' : 'ntext' }, token, collation: readCollation(cursor) }
    case TYPE.image:
      cursor.uint32()
      return { type: { name: 'image' }, token }
    case TYPE.binary:
    case TYPE.varbinary: {
      const length = cursor.uint16()
      const name = token === TYPE.binary ? 'binary' : 'varbinary'
      return { type: { name, length: length === USHORT_MAX ? -1 : length }, token }
    }
    case TYPE.xml:
      if (cursor.uint8() !== 0) {
        cursor.shortString()
        cursor.shortString()
        cursor.longString()
      }
      return { type: { name: 'xml' }, token }
    case TYPE.variant:
      cursor.uint32()
      return { type: { name: 'sql_variant' }, token }
    case TYPE.udt:
      throw new UnsupportedWireTypeError('The sandbox does not take CLR types; send varbinary.')
    case TYPE.table:
      throw new UnsupportedWireTypeError('The sandbox does not take table-valued parameters.')
    default:
      throw new UnsupportedWireTypeError(`The sandbox does not know the type 0x${token.toString(16)}.`)
  }
}

function readCollation(cursor: ByteCursor): Collation {
  return collationFromBytes(Uint8Array.from(cursor.data(5)))
}
