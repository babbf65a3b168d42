import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqlServer, type SqlServerConfig } from '@icebridge/sqlserver'
import { openTestServer } from '@icebridge/sqlserver/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { icebridge } from './command.ts'

vi.setConfig({ testTimeout: 120_000 })

const python = process.env['ICEBRIDGE_PYTHON']
const missing =
  'ICEBRIDGE_PYTHON is not set: it names a Python with moto, an S3 server (checks/interop/requirements.txt)'
if (python === undefined) {
  if (process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(missing)
  console.warn(`a test is skipped: ${missing}`)
}

test('keeps its lake in an object store', async (context) => {
  if (python === undefined) return context.skip(missing)
  const endpoint = await startMoto(python)
  expect((await fetch(`${endpoint}/lake`, { method: 'PUT' })).status).toBe(200)
  await using server = await openTestServer()
  const [from, to] = [await server.createDatabase('RemoteSource'), await server.createDatabase('RemoteTarget')]
  const source = await SqlServer.connect(from)
  onTestFinished(() => source.close())
  await source.batch(
    'CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, rv rowversion NOT NULL)',
  )
  await source.batch("INSERT INTO dbo.items (id, name) VALUES (1, N'ß'), (2, NULL)")
  const config = write(`
version: 1
sources: { erp: ${connection(from)} }
targets: { dwh: ${connection(to)} }
warehouse:
  location: s3://lake/erp
  catalog: catalog.db
  properties:
    s3.endpoint: ${endpoint}
    s3.path-style-access: 'true'
    client.region: us-east-1
    s3.access-key-id: key
    s3.secret-access-key: \${env:S3_SECRET}
tables: [{ source: erp, table: dbo.items, target: dwh }]
`)
  const env = { SQL_PASSWORD: from.password ?? '', S3_SECRET: 'SECRETTESTONLY' }
  const run = await icebridge(['run', '-c', config, '--json'], { env })
  expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: expect.any(String) })
  await source.batch("INSERT INTO dbo.items (id, name) VALUES (3, N'later')")
  expect((await icebridge(['run', '-c', config, '--json'], { env })).code).toBe(0)
  expect((await icebridge(['verify', '-c', config], { env })).code).toBe(0)
  const inspected = await icebridge(['inspect', 'dbo.items', '-c', config, '--json'], { env })
  const metadataLocation = inspected.json.at(-1)?.['metadataLocation']
  expect(metadataLocation).toMatch(/^s3:\/\/lake\/erp\/erp_dbo\/items__changes\/metadata\//)

  const aws = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'x',
  }
  const scanned = await icebridge(['scan', String(metadataLocation), '--columns', 'id,name'], { env: aws })
  expect([...scanned.json].sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual([
    { id: 1, name: 'ß' },
    { id: 2, name: null },
    { id: 3, name: 'later' },
  ])
  for (const { stdout, stderr } of [run, inspected]) expect(stdout + stderr).not.toContain('SECRETTESTONLY')
})

test('names a REST catalog that cannot be reached, and no secret', async () => {
  const config = write(`
version: 1
sources: { erp: { server: 127.0.0.1, port: 1, database: x } }
warehouse: { catalog: { rest: { uri: 'http://127.0.0.1:1/api', token: SECRETTESTONLY } } }
tables: [{ source: erp, table: dbo.items }]
`)
  const { code, stdout, stderr } = await icebridge(['inspect', 'dbo.items', '-c', config])
  expect(code).toBe(1)
  expect(stderr).toContain('http://127.0.0.1:1/api')
  expect(stdout + stderr).not.toContain('SECRETTESTONLY')
})

function write(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'icebridge-remote-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'sync.yaml')
  writeFileSync(path, text)
  return path
}

function connection({ server, port, database, user, encrypt, trustServerCertificate }: SqlServerConfig): string {
  const password = '${env:SQL_PASSWORD}'
  return JSON.stringify({ server, port, database, user, password, encrypt, trustServerCertificate })
}

async function startMoto(program: string): Promise<string> {
  const reserved = createServer().listen(0, '127.0.0.1')
  await once(reserved, 'listening')
  const address = reserved.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  reserved.close()
  await once(reserved, 'close')
  const child = spawn(program, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(address.port)], {
    stdio: 'ignore',
  })
  onTestFinished(() => void child.kill())
  const endpoint = `http://127.0.0.1:${address.port}`
  await vi.waitFor(() => fetch(endpoint), { timeout: 60_000, interval: 100 })
  return endpoint
}
