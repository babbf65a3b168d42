import { createServer, type Server } from 'node:net'
import { SqlServer } from '@icebridge/sqlserver'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Fixture } from './fixture.ts'

let fixture: Fixture

beforeAll(async () => {
  fixture = await Fixture.open()
})
afterAll(async () => {
  await fixture.close()
})

it('says who the server is', async () => {
  const database = await fixture.database()
  expect(database.identity.databaseName).toBe(database.database)
  expect(database.identity.productVersion).toMatch(/^\d+\.\d+/)
  expect(database.identity.majorVersion).toBeGreaterThanOrEqual(14)
  expect(database.identity.compatibilityLevel).toBeGreaterThanOrEqual(140)
  expect(database.identity.databaseCollation).not.toBe('')
})

it('tells a wrong password from a missing database, and repeats neither password nor login', async () => {
  const config = fixture.server.config('master')
  const wrong = { ...config, database: 'master', password: 'hunter2-wrong' }
  await expect(SqlServer.connect(wrong)).rejects.toMatchObject({
    code: 'login-failed',
    retryable: false,
    hint: expect.stringMatching(/password/),
  })
  const error: unknown = await SqlServer.connect(wrong).catch((caught: unknown) => caught)
  expect(String(error) + JSON.stringify(error)).not.toContain('hunter2')
  await expect(SqlServer.connect(fixture.server.config('no_such_db'))).rejects.toMatchObject({
    code: 'no-such-database',
    context: { number: 4060 },
    message: expect.stringContaining('no_such_db'),
  })
})

it('says that nobody listens', async () => {
  const config = { ...fixture.server.config('master'), server: '127.0.0.1', port: 1 }
  await expect(SqlServer.connect(config)).rejects.toMatchObject({
    code: 'unreachable',
    retryable: true,
    message: expect.stringContaining('127.0.0.1,1'),
    hint: expect.stringContaining('port'),
  })
})

it('says that a server does not answer in time', async () => {
  const silent: Server = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const address = silent.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  const config = { ...fixture.server.config('master'), server: '127.0.0.1', port: address.port, connectTimeoutMs: 200 }
  await expect(SqlServer.connect(config)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
  silent.close()
})

it('wants a login before it opens a socket', async () => {
  await expect(SqlServer.connect({ server: 'h', database: 'd' })).rejects.toMatchObject({ code: 'invalid-config' })
})

it('throws the reason of a signal that has aborted', async () => {
  const signal = AbortSignal.abort(new Error('stop'))
  await expect(SqlServer.connect(fixture.server.config('master'), { signal })).rejects.toThrow('stop')
})

it('refuses work after it was closed', async () => {
  const database = await SqlServer.connect({ ...fixture.server.config('master'), database: 'master' })
  await database.close()
  await database.close()
  await expect(database.query({ text: 'SELECT 1 AS [x]' })).rejects.toMatchObject({ code: 'closed' })
  await expect(database.connection()).rejects.toMatchObject({ code: 'closed' })
})
