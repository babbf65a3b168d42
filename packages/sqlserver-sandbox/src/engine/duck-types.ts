import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  type DuckDBAppender,
  DuckDBBlobValue,
  DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBStructValue,
  type DuckDBType,
  DuckDBUUIDValue,
  type DuckDBValue,
  FLOAT,
  INTEGER,
  SMALLINT,
  STRUCT,
  UTINYINT,
  UUID,
  VARCHAR,
} from '@duckdb/node-api'
import type { SqlType, SqlValue } from '../session.ts'
import { notImplemented } from './errors.ts'
import { asDecimal, familyOf } from './types.ts'
import { encodeString, epochDays, guidToKey, textOf } from './values.ts'

export { type DuckDBAppender, DuckDBDataChunk, type DuckDBType }

/** The DuckDB type object of a SQL Server type; `duckType` says the same in SQL. */
export function DuckDBTypes(type: SqlType): DuckDBType {
  switch (familyOf(type)) {
    case 'string':
      return VARCHAR
    case 'variant':
      return STRUCT({ b: VARCHAR, p: INTEGER, s: INTEGER, n: INTEGER, c: VARCHAR, v: VARCHAR })
    case 'binary':
      return BLOB
    case 'guid':
      return UUID
    default:
  }
  switch (type.name) {
    case 'bit':
      return BOOLEAN
    case 'tinyint':
      return UTINYINT
    case 'smallint':
      return SMALLINT
    case 'int':
    case 'smalldatetime':
      return INTEGER
    case 'real':
      return FLOAT
    case 'float':
      return DOUBLE
    case 'date':
      return DATE
    case 'datetimeoffset':
      return STRUCT({ u: BIGINT, o: SMALLINT })
    case 'decimal':
    case 'numeric':
    case 'money':
    case 'smallmoney': {
      const { precision, scale } = asDecimal(type)
      return DECIMAL(precision, scale)
    }
    default:
      return BIGINT
  }
}

/** A converter from the seam's values to DuckDB's, for one column. */
export function toDuckValue(type: SqlType): (value: SqlValue) => DuckDBValue {
  const some =
    (make: (value: Exclude<SqlValue, null>) => DuckDBValue) =>
    (value: SqlValue): DuckDBValue =>
      value === null ? null : make(value)
  switch (familyOf(type)) {
    case 'string':
      return some((v) => encodeString(textOf(v)))
    case 'variant':
      return some(() => {
        throw notImplemented('a sql_variant in a bulk load')
      })
    case 'binary':
      return some((v) => new DuckDBBlobValue(v instanceof Uint8Array ? v : new Uint8Array()))
    case 'guid':
      return some((v) => uuid(guidToKey(textOf(v))))
    default:
  }
  switch (type.name) {
    case 'date':
      return some((v) => new DuckDBDateValue(Number(v) - epochDays))
    case 'datetimeoffset':
      return some((v) =>
        typeof v === 'object' && 'utc' in v ? new DuckDBStructValue({ u: v.utc, o: v.offsetMinutes }) : null,
      )
    case 'decimal':
    case 'numeric':
    case 'money':
    case 'smallmoney': {
      const { precision, scale } = asDecimal(type)
      return some((v) => new DuckDBDecimalValue(BigInt(v as bigint), precision, scale))
    }
    case 'bit':
      return some((v) => v === true || v === 1)
    case 'bigint':
    case 'time':
    case 'datetime2':
    case 'datetime':
      return some((v) => BigInt(v as bigint))
    default:
      return some((v) => Number(v))
  }
}

function uuid(text: string): DuckDBUUIDValue {
  return DuckDBUUIDValue.fromUint128(BigInt(`0x${text.replaceAll('-', '')}`))
}
