import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openTestServer, type TestServer } from '@icebridge/sqlserver/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

it('copies a table, as the README says, without losing a digit', async () => {
  const { server: host, port, database, user, password } = await server.createDatabase('sqlserver_example')
  const connection = `Server=tcp:${host},${port};Database=${database};User Id=${user};Password=${password};Encrypt=false;TrustServerCertificate=true`
  const example = fileURLToPath(new URL('../examples/copy-table.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [example], {
    env: { ...process.env, ICEBRIDGE_EXAMPLE_SQLSERVER: connection },
  })
  expect(stdout).toBe('1n 1234567890.0123456789 2024-02-29T12:34:56.1234567\n')
})
