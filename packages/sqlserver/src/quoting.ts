import { SqlServerError } from './errors.ts'

/** A table or view of one database, by the exact names that sys.objects has. */
export interface TableName {
  readonly schema: string
  readonly name: string
}

/**
 * A delimited identifier: `a]b` becomes `[a]]b]`.
 *
 * @throws {SqlServerError} `invalid-argument` when it is empty, longer than 128 UTF-16 code units or holds U+0000.
 * @see https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers
 */
export function quoteName(identifier: string): string {
  if (identifier.length === 0 || identifier.length > 128 || identifier.includes('\0')) {
    throw new SqlServerError(
      'invalid-argument',
      `${JSON.stringify(identifier.slice(0, 140))} cannot be an identifier: 1 to 128 characters, none of them U+0000`,
    )
  }
  return `[${identifier.replaceAll(']', ']]')}]`
}

/** A two-part name, both parts delimited: `[dbo].[orders]`. @throws {SqlServerError} `invalid-argument` as {@link quoteName}. */
export function quoteTable(table: TableName): string {
  return `${quoteName(table.schema)}.${quoteName(table.name)}`
}

/**
 * A Unicode string literal: `N'it''s'`. For the few places of T-SQL that take no parameter.
 *
 * @throws {SqlServerError} `invalid-argument` when the text holds U+0000.
 * @see https://learn.microsoft.com/sql/t-sql/data-types/constants-transact-sql
 */
export function quoteString(text: string): string {
  if (text.includes('\0')) {
    throw new SqlServerError('invalid-argument', 'a string literal cannot hold U+0000')
  }
  return `N'${text.replaceAll("'", "''")}'`
}
