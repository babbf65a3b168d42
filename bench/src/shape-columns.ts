import type { ColumnBuilder, ColumnField } from '@icebridge/columnar'
import { formatSqlType, type BulkColumn, type SqlType } from '@icebridge/sqlserver'
import mssql from 'mssql'

/** One column of a bench table: its SQL type, and the value of each row as a batch and as the bare driver take it. */
export interface ShapeColumn {
  readonly name: string
  readonly type: SqlType
  readonly fields: readonly ColumnField[]
  readonly from: BulkColumn['from']
  /** Appends the row's value to the builders of `fields`. */
  append(builders: readonly ColumnBuilder[], row: number): void
  /** The column's type for mssql's own bulk load. */
  readonly driverType: mssql.ISqlType | (() => mssql.ISqlType)
  /** What mssql's own bulk load takes; it rounds what it cannot hold. */
  plain(row: number): unknown
}

export function declaration({ name, type }: ShapeColumn): string {
  return `[${name}] ${formatSqlType(type)} NOT NULL`
}

export function int(name: string, value: (row: number) => number): ShapeColumn {
  return {
    ...simple(name, { name: 'int' }, { kind: 'int32' }),
    append: ([builder], row) => {
      if (builder?.kind === 'int32') builder.append(value(row))
    },
    driverType: mssql.Int,
    plain: value,
  }
}

export function bigint(name: string, value: (row: number) => bigint): ShapeColumn {
  return {
    ...simple(name, { name: 'bigint' }, { kind: 'int64' }),
    append: ([builder], row) => {
      if (builder?.kind === 'int64') builder.append(value(row))
    },
    driverType: mssql.BigInt,
    plain: (row) => String(value(row)),
  }
}

export function float(name: string, value: (row: number) => number): ShapeColumn {
  return {
    ...simple(name, { name: 'float' }, { kind: 'float64' }),
    append: ([builder], row) => {
      if (builder?.kind === 'float64') builder.append(value(row))
    },
    driverType: mssql.Float,
    plain: value,
  }
}

export function bit(name: string, value: (row: number) => boolean): ShapeColumn {
  return {
    ...simple(name, { name: 'bit' }, { kind: 'boolean' }),
    append: ([builder], row) => {
      if (builder?.kind === 'boolean') builder.append(value(row))
    },
    driverType: mssql.Bit,
    plain: value,
  }
}

export function decimal(
  name: string,
  { precision, scale }: { readonly precision: number; readonly scale: number },
  unscaled: (row: number) => bigint,
): ShapeColumn {
  return {
    ...simple(name, { name: 'decimal', precision, scale }, { kind: 'decimal', precision, scale }),
    append: ([builder], row) => {
      if (builder?.kind === 'decimal') builder.append(unscaled(row))
    },
    driverType: mssql.Decimal(precision, scale),
    plain: (row) => Number(unscaled(row)) / 10 ** scale,
  }
}

export function text(name: string, length: number | 'max', value: (row: number) => string): ShapeColumn {
  return {
    ...simple(name, { name: 'nvarchar', length }, { kind: 'string' }),
    append: ([builder], row) => {
      if (builder?.kind === 'string') builder.append(value(row))
    },
    driverType: mssql.NVarChar(length === 'max' ? mssql.MAX : length),
    plain: value,
  }
}

/** datetime2(7): microseconds since 1970, and the digit below them. */
export function datetime2(name: string, micros: (row: number) => bigint): ShapeColumn {
  const ns100 = `${name}_ns100`
  return {
    name,
    type: { name: 'datetime2', scale: 7 },
    fields: [
      { name, type: { kind: 'timestamp', utc: false }, nullable: false },
      { name: ns100, type: { kind: 'int32' }, nullable: false },
    ],
    from: { value: name, ns100 },
    append: ([builder, digit], row) => {
      if (builder?.kind === 'timestamp') builder.append(micros(row))
      if (digit?.kind === 'int32') digit.append(row % 10)
    },
    driverType: mssql.DateTime2(7),
    plain: (row) => new Date(Number(micros(row) / 1000n)),
  }
}

export function date(name: string, days: (row: number) => number): ShapeColumn {
  return {
    ...simple(name, { name: 'date' }, { kind: 'date' }),
    append: ([builder], row) => {
      if (builder?.kind === 'date') builder.append(days(row))
    },
    driverType: mssql.Date,
    plain: (row) => new Date(days(row) * 86_400_000),
  }
}

export function uuid(name: string, first: (row: number) => number): ShapeColumn {
  const bytes = new Uint8Array(16).fill(0x5a)
  const view = new DataView(bytes.buffer)
  const set = (row: number): Uint8Array => {
    view.setUint32(0, first(row))
    return bytes
  }
  return {
    ...simple(name, { name: 'uniqueidentifier' }, { kind: 'uuid' }),
    append: ([builder], row) => {
      if (builder?.kind === 'uuid') builder.append(set(row))
    },
    driverType: mssql.UniqueIdentifier,
    plain: (row) => {
      const hex = Buffer.from(set(row)).toString('hex')
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
    },
  }
}

/** What becomes of a rowversion on a target. */
export function rowversionCopy(name: string): ShapeColumn {
  const bytes = Buffer.alloc(8)
  const set = (row: number): Buffer => {
    bytes.writeUInt32BE(row + 1, 4)
    return bytes
  }
  return {
    ...simple(name, { name: 'binary', length: 8 }, { kind: 'binary' }),
    append: ([builder], row) => {
      if (builder?.kind === 'binary') builder.append(set(row))
    },
    driverType: mssql.VarBinary(8),
    plain: (row) => Buffer.from(set(row)),
  }
}

function simple(
  name: string,
  type: SqlType,
  kind: ColumnField['type'],
): Pick<ShapeColumn, 'name' | 'type' | 'fields' | 'from'> {
  return { name, type, fields: [{ name, type: kind, nullable: false }], from: { value: name } }
}
