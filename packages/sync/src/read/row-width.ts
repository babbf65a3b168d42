import type { ColumnDefinition, SqlType } from '@icebridge/sqlserver'

/** Bytes of a value of fixed length, companions included. */
const fixedBytes = 24
const utf8BytesOfUnit = 3

/** Bytes that a row of these columns takes in a batch at most; undefined when one of them may hold any length. */
export function mostRowBytes(columns: readonly Pick<ColumnDefinition, 'type'>[]): number | undefined {
  let bytes = 0
  for (const { type } of columns) {
    const most = mostBytes(type)
    if (most === undefined) return undefined
    bytes += most
  }
  return bytes
}

function mostBytes({ name, length = 1 }: SqlType): number | undefined {
  switch (name) {
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
      return length === 'max' ? undefined : length * utf8BytesOfUnit + fixedBytes
    case 'binary':
    case 'varbinary':
      return length === 'max' ? undefined : length + fixedBytes
    case 'text':
    case 'ntext':
    case 'image':
    case 'xml':
    case 'json':
    case 'vector':
    case 'hierarchyid':
    case 'geography':
    case 'geometry':
    case 'sql_variant':
      return undefined
    default:
      return fixedBytes
  }
}
