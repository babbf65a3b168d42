import { startSandbox } from '@icebridge/sqlserver-sandbox'
import mssql from 'mssql'

/** Starts a sandbox, asks it a question over TCP and gives the answer. */
export async function selectFromSandbox(): Promise<unknown[]> {
  await using sandbox = await startSandbox({ password: 'secret', databases: ['SourceDb'] })
  const pool = await new mssql.ConnectionPool({ ...sandbox.mssqlConfig('SourceDb') }).connect()
  try {
    const { recordset } = await pool.request().input('id', mssql.Int, 7).query('SELECT @id AS id')
    return recordset
  } finally {
    await pool.close()
  }
}
