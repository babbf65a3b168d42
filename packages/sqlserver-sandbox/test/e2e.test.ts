import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startSandbox } from '@icebridge/sqlserver-sandbox'
import mssql from 'mssql'
import { expect, it } from 'vitest'
import { selectFromSandbox } from '../examples/select.ts'

it('answers the example of the README', async () => {
  expect(await selectFromSandbox()).toEqual([{ id: 7 }])
})

it('fails in place of a row and goes on with the engine behind it', async () => {
  await using sandbox = await startSandbox({ password: 'secret', databases: ['Shop'], traceLimit: 10 })
  const pool = await new mssql.ConnectionPool({ ...sandbox.mssqlConfig('Shop') }).connect()
  await pool.request().batch('CREATE TABLE t (id int NOT NULL PRIMARY KEY)')
  await pool.request().batch('INSERT INTO t (id) VALUES (1), (2), (3)')
  sandbox.faults.add({ at: 'row', nth: 2, action: { do: 'fail', error: { number: 1205, message: 'deadlock' } } })
  await expect(pool.request().query('SELECT id FROM t')).rejects.toMatchObject({ number: 1205 })
  expect((await pool.request().query('SELECT id FROM t')).rowsAffected).toEqual([3])
  expect(sandbox.trace.at(-1)?.text).toBe('SELECT id FROM t')
  await pool.close()
})

it('runs in a process of its own, which prints its port', async () => {
  const main = fileURLToPath(import.meta.resolve('@icebridge/sqlserver-sandbox/main'))
  const child = spawn(process.execPath, [main, '--password', 'secret', '--databases', 'A,B'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { port } = JSON.parse(line.toString()) as { port: number }
    const pool = await new mssql.ConnectionPool({
      server: '127.0.0.1',
      port,
      user: 'sa',
      password: 'secret',
      database: 'B',
      options: { encrypt: false },
    }).connect()
    expect((await pool.request().query('SELECT 1 AS one')).recordset).toEqual([{ one: 1 }])
    await pool.close()
  } finally {
    child.kill('SIGTERM')
    await exited
  }
})
