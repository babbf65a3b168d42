import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openTestServer, type TestServer } from '@icebridge/sqlserver/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer
beforeAll(async () => {
  server = await openTestServer()
})
afterAll(async () => await server[Symbol.asyncDispose]())

test('the example of the README reads back the rows that it wrote', async () => {
  const { server: host, port, database, user, password } = await server.createDatabase('journal_example')
  const connection = `Server=tcp:${host},${port};Database=${database};User Id=${user};Password=${password};Encrypt=false;TrustServerCertificate=true`
  const example = fileURLToPath(new URL('../examples/journal.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [example], {
    env: { ...process.env, ICEBRIDGE_EXAMPLE_SQLSERVER: connection },
  })
  expect(stdout).toBe('2 { from: 1n, to: 2n }\n')
})
