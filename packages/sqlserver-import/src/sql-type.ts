import type { SqlType } from '@icebridge/sqlserver'
import { ImportError } from './errors.ts'

/** The kinds of SQL Server types that this package treats alike. */
export type TypeFamily =
  | 'bit'
  | 'integer'
  | 'decimal'
  | 'float'
  | 'date'
  | 'time'
  | 'datetime'
  | 'datetimeoffset'
  | 'character'
  | 'binary'
  | 'rowversion'
  | 'uniqueidentifier'
  | 'xml'
  | 'json'
  | 'vector'
  | 'clr'
  | 'variant'

const families: Readonly<Record<SqlType['name'], TypeFamily>> = {
  bit: 'bit',
  tinyint: 'integer',
  smallint: 'integer',
  int: 'integer',
  bigint: 'integer',
  decimal: 'decimal',
  numeric: 'decimal',
  money: 'decimal',
  smallmoney: 'decimal',
  real: 'float',
  float: 'float',
  date: 'date',
  time: 'time',
  datetime: 'datetime',
  smalldatetime: 'datetime',
  datetime2: 'datetime',
  datetimeoffset: 'datetimeoffset',
  char: 'character',
  varchar: 'character',
  nchar: 'character',
  nvarchar: 'character',
  text: 'character',
  ntext: 'character',
  binary: 'binary',
  varbinary: 'binary',
  image: 'binary',
  rowversion: 'rowversion',
  uniqueidentifier: 'uniqueidentifier',
  xml: 'xml',
  json: 'json',
  vector: 'vector',
  hierarchyid: 'clr',
  geography: 'clr',
  geometry: 'clr',
  sql_variant: 'variant',
}

export function familyOf(type: SqlType): TypeFamily {
  return families[type.name]
}

/** Whether values of the type are stored as UTF-16. */
export function isUnicode(type: SqlType): boolean {
  return type.name === 'nchar' || type.name === 'nvarchar' || type.name === 'ntext'
}

/** Whether short values are padded to the column's length. */
export function isFixedLength(type: SqlType): boolean {
  return type.name === 'char' || type.name === 'nchar' || type.name === 'binary'
}

/** Characters (nchar, nvarchar), bytes (char, varchar, binary, varbinary), or infinity for the large types. */
export function lengthOf(type: SqlType): number {
  if (type.name === 'text' || type.name === 'ntext' || type.name === 'image') return Infinity
  if (type.name === 'rowversion') return 8
  if (type.length === undefined) return 1
  return type.length === 'max' ? Infinity : type.length
}

/** Most bytes that a value takes in an index key; infinity for types that cannot stand in one. */
export function maxKeyBytes(type: SqlType): number {
  switch (familyOf(type)) {
    case 'character':
      return lengthOf(type) * (isUnicode(type) ? 2 : 1)
    case 'binary':
      return lengthOf(type)
    case 'decimal':
    case 'uniqueidentifier':
      return 17
    case 'clr':
      return type.name === 'hierarchyid' ? 892 : Infinity
    case 'variant':
      return 8016
    case 'xml':
    case 'json':
    case 'vector':
      return Infinity
    case 'bit':
    case 'integer':
    case 'float':
    case 'date':
    case 'time':
    case 'datetime':
    case 'datetimeoffset':
    case 'rowversion':
      return 10
  }
}

/** A COLLATE clause with a leading space. Collation names are identifiers without quotes, so only their letters are let through. */
export function collateClause(collation: string | undefined): string {
  if (collation === undefined) return ''
  if (!/^[A-Za-z][A-Za-z0-9_]{0,127}$/.test(collation)) {
    throw new ImportError('invalid-argument', `${JSON.stringify(collation)} is not the name of a collation`, {
      hint: 'The recorded definition of the table is damaged; run plan again from the source.',
    })
  }
  return ` COLLATE ${collation}`
}
