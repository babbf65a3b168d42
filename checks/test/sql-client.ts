import { type MssqlConfig } from '@icebridge/sqlserver-sandbox'
import mssql from 'mssql'

/** Runs statements one after the other, each a batch of its own. */
export async function runStatements(config: MssqlConfig, statements: readonly string[]): Promise<void> {
  const pool = await new mssql.ConnectionPool({ ...config }).connect()
  try {
    for (const statement of statements) await pool.request().batch(statement)
  } finally {
    await pool.close()
  }
}
