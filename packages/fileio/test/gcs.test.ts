import { Storage } from '@google-cloud/storage'
import { fileIOFor } from '@icebridge/fileio'
import { GcsFileIO } from '@icebridge/fileio/gcs'
import { fileIOConformance, put } from '@icebridge/fileio/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEmulator } from './emulator.ts'

const emulator = await startEmulator({
  variable: 'ICEBRIDGE_FAKE_GCS',
  what: 'the program of the Go module github.com/fsouza/fake-gcs-server',
  command: (program, port) => [
    program,
    '-scheme',
    'http',
    '-host',
    '127.0.0.1',
    '-port',
    String(port),
    '-public-host',
    `127.0.0.1:${port}`,
    '-external-url',
    `http://127.0.0.1:${port}`,
    '-backend',
    'memory',
    '-log-level',
    'error',
  ],
})
const url = 'missing' in emulator ? 'http://127.0.0.1:1' : emulator.url
const properties = { 'gcs.service.host': url, 'gcs.no-auth': 'true', 'gcs.project-id': 'test' }
let tests = 0

beforeAll(async () => {
  if (!('missing' in emulator)) await new Storage({ apiEndpoint: url, projectId: 'test' }).createBucket('lake')
})
afterAll(async () => {
  if (!('missing' in emulator)) await emulator.stop()
})

describe('GcsFileIO on a GCS server', () => {
  const conformance = fileIOConformance({
    create: () =>
      Promise.resolve({
        io: fileIOFor('gs://lake', properties),
        root: `gs://lake/test-${tests++}`,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  })
  test.for(conformance)('$name', { timeout: 60_000 }, async ({ run }, context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    await run()
  })

  test('names the bucket that is not there', async (context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    const io = new GcsFileIO({ properties })
    await expect(put(io, 'gs://nowhere/file', 'x')).rejects.toMatchObject({
      code: 'io',
      message: 'Could not write gs://nowhere/file: Google Cloud Storage says HTTP 404',
    })
  })
})

test('refuses a token that has expired, by name', async () => {
  const io = new GcsFileIO({ properties: { 'gcs.oauth2.token': 'secret', 'gcs.oauth2.token-expires-at': '1' } })
  const error: unknown = await io.read('gs://lake/f').catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'invalid-argument', context: { property: 'gcs.oauth2.token' } })
  expect(String(error)).not.toContain('secret')
})

test.each(['gs://', 'gs://bucket', '/local', 's3://bucket/key'])('refuses %j as a location of a file', async (path) => {
  await expect(new GcsFileIO({ properties }).read(path)).rejects.toMatchObject({ code: 'invalid-argument' })
})
