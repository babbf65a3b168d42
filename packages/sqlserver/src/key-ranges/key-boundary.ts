import { readColumns } from '../read-columns.ts'
import { formatSqlType } from '../sql-type.ts'
import type { Row } from '../exact-values/row-values.ts'
import type { SqlValue } from '../sql.ts'
import type { RangeColumn, RangeKey } from './range-key.ts'

/** A row's key, where one range ends and the next begins: a value a column, exact. */
export interface KeyBoundary {
  readonly values: readonly SqlValue[]
}

/** The select list that {@link readBoundary} reads: each value in a form that the driver hands over exactly. */
export function boundaryColumns(key: RangeKey, quotedAlias: string): string {
  return key.columns
    .map(({ column }, index) => {
      const [value] = readColumns(column)
      const source = value?.expression(quotedAlias) ?? ''
      // Text keeps the offset, which the driver drops. Style 126 is ISO 8601 with it.
      const exact = column.type.name === 'datetimeoffset' ? `CONVERT(nvarchar(34), ${source}, 126)` : source
      return `${exact} AS [k${index}]`
    })
    .join(', ')
}

/** The boundary in a row of a boundary query. */
export function readBoundary(key: RangeKey, row: Row): KeyBoundary {
  return {
    values: key.columns.map((_, index) => {
      const value = row[`k${index}`] ?? null
      return value instanceof Uint8Array ? new Uint8Array(value) : value
    }),
  }
}

/** The boundary as text that {@link parseBoundary} reads back exactly; it names the key, so that another one is told apart. */
export function serializeBoundary(key: RangeKey, boundary: KeyBoundary): string {
  return JSON.stringify({ key: key.columns.map(columnText), values: boundary.values.map(valueText) })
}

/** The boundary in a text; undefined when it is damaged, or of a key with other columns, types, collations or directions. */
export function parseBoundary(key: RangeKey, text: string): KeyBoundary | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null || !('key' in parsed) || !('values' in parsed)) return undefined
  const { key: columns, values } = parsed
  if (JSON.stringify(columns) !== JSON.stringify(key.columns.map(columnText)) || !Array.isArray(values))
    return undefined
  const read = key.columns.map((column, index) => valueOf(column, values[index]))
  return read.every((value) => value !== undefined) ? { values: read } : undefined
}

function columnText({ column, descending }: RangeColumn): string {
  const collation = column.collation === undefined ? '' : ` COLLATE ${column.collation}`
  return `${column.name} ${formatSqlType(column.type)}${collation}${descending ? ' DESC' : ''}`
}

function valueText(value: SqlValue): string | number | boolean {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value === null) throw new TypeError('a key has no NULL')
  return value
}

function valueOf({ column }: RangeColumn, value: unknown): SqlValue | undefined {
  switch (column.type.name) {
    case 'bit':
      return typeof value === 'boolean' ? value : undefined
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'real':
    case 'float':
      return typeof value === 'number' ? value : undefined
    case 'bigint':
      return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : undefined
    case 'binary':
    case 'varbinary':
    case 'rowversion':
      return typeof value === 'string' ? Uint8Array.from(Buffer.from(value, 'hex')) : undefined
    default:
      return typeof value === 'string' ? value : undefined
  }
}
