import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { SandboxSqlError } from '../session.ts'
import { sqlError } from './errors.ts'
import { macros } from './macros.ts'
import { registerPageFunctions } from './page-functions.ts'

/** Opens DuckDB without files, network or extensions, other than its own database file. */
export async function openDuck(path: string): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(path, {
    enable_external_access: 'false',
    autoload_known_extensions: 'false',
    autoinstall_known_extensions: 'false',
    allow_community_extensions: 'false',
    threads: '2',
  })
  const connection = await instance.connect()
  try {
    registerPageFunctions(connection)
    for (const macro of macros) await connection.run(macro)
    await connection.run('SET lock_configuration = true')
  } finally {
    connection.closeSync()
  }
  return instance
}

/** Values of a small result as DuckDB's JSON rows. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRows()
}

/** DuckDB's failures as SQL Server would put them. */
export function translateError(error: unknown): unknown {
  if (error instanceof SandboxSqlError || !(error instanceof Error)) return error
  const message = error.message
  const own = /@sql:(\d+):([\s\S]*?)(?:\n\nLINE|$)/.exec(message)
  if (own) return sqlError(Number(own[1]), own[2] ?? '')
  const unread = /Could not convert string ['"]([^]*)['"] to (\w+)/.exec(message)
  if (unread !== null) {
    const [, text, type = ''] = unread
    if (/DECIMAL|DOUBLE|FLOAT/.test(type))
      return sqlError(8114, `Error converting data type varchar to ${type === 'DECIMAL' ? 'numeric' : 'float'}.`)
    if (/UINT8|INT16/.test(type))
      return sqlError(
        244,
        `The conversion of the varchar value '${text ?? ''}' overflowed an INT2 column. Use a larger integer column.`,
      )
    return sqlError(248, `The conversion of the varchar value '${text ?? ''}' overflowed an int column.`)
  }
  if (
    /Could not cast value|Failed to cast decimal value|can't be cast|out of range|Overflow in|overflow/i.test(message)
  ) {
    return sqlError(8115, `Arithmetic overflow error converting expression to data type ${overflowType(message)}.`)
  }
  if (/must appear in the GROUP BY clause/.test(message)) {
    return sqlError(
      8120,
      `Column is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.`,
    )
  }
  if (/aggregate.*WHERE|WHERE clause cannot contain aggregates/i.test(message)) {
    return sqlError(
      147,
      'An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.',
      { severity: 15 },
    )
  }
  if (/More than one row returned by a subquery/.test(message)) {
    return sqlError(
      512,
      'Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.',
    )
  }
  if (/Conflict on|write-write conflict|Transaction conflict|Catalog write-write/i.test(message)) {
    return sqlError(
      1205,
      'Transaction was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction.',
    )
  }
  if (/No space left|disk.*full|Could not write/i.test(message)) {
    return sqlError(1105, 'Could not allocate space for object in database because the disk is full.', { severity: 17 })
  }
  return sqlError(40517, `The sandbox could not run this statement: ${message.split('\n')[0] ?? ''}`)
}

function overflowType(message: string): string {
  if (/DECIMAL/.test(message)) return 'numeric'
  if (/INT32/.test(message)) return 'int'
  if (/INT64/.test(message)) return 'bigint'
  if (/UINT8/.test(message)) return 'tinyint'
  if (/INT16/.test(message)) return 'smallint'
  return 'int'
}
