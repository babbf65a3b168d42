import { inspect } from 'node:util'
import { BlobServiceClient } from '@azure/storage-blob'
import { fileIOFor } from '@icebridge/fileio'
import { AzureFileIO } from '@icebridge/fileio/azure'
import { fileIOConformance, put } from '@icebridge/fileio/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEmulator } from './emulator.ts'

/** The account and key that azurite has for everybody. @see https://learn.microsoft.com/azure/storage/common/storage-connect-azurite */
const account = 'devstoreaccount1'
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

const emulator = await startEmulator({
  variable: 'ICEBRIDGE_AZURITE',
  what: 'the script dist/src/blob/main.js of the npm package azurite',
  command: (script, port, folder) => [
    process.execPath,
    script,
    '--silent',
    '--skipApiVersionCheck',
    '--disableTelemetry',
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    String(port),
    '--location',
    folder,
  ],
})
const url = 'missing' in emulator ? 'http://127.0.0.1:1' : emulator.url
const connection = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=${url}/${account};`
const properties = { [`adls.connection-string.${account}`]: connection }
const root = `abfss://lake@${account}.dfs.core.windows.net`
let tests = 0

beforeAll(async () => {
  if (!('missing' in emulator)) {
    await BlobServiceClient.fromConnectionString(connection).createContainer('lake')
  }
})
afterAll(async () => {
  if (!('missing' in emulator)) await emulator.stop()
})

describe('AzureFileIO on azurite', () => {
  const conformance = fileIOConformance({
    create: () =>
      Promise.resolve({
        io: fileIOFor(root, properties),
        root: `${root}/test-${tests++}`,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  })
  test.for(conformance)('$name', { timeout: 60_000 }, async ({ run }, context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    await run()
  })

  test('passes over the folders of a hierarchical namespace', async (context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    const container = BlobServiceClient.fromConnectionString(connection).getContainerClient('lake')
    await container.getBlockBlobClient('tree/folder').upload('', 0, { metadata: { hdi_isfolder: 'true' } })
    const io = new AzureFileIO({ properties })
    await put(io, `${root}/tree/folder/file`, 'x')
    const listed: string[] = []
    for await (const { path } of io.list(`${root}/tree/`)) listed.push(path)
    expect(listed).toEqual([`${root}/tree/folder/file`])
  })

  test('serves the older spelling, and a location without an account', async (context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    const io = new AzureFileIO({ properties: { 'adls.connection-string': connection, 'adls.account-name': account } })
    await put(io, `wasbs://lake@${account}.blob.core.windows.net/spelling`, 'x')
    expect((await io.stat('abfs://lake/spelling')).sizeBytes).toBe(1)
  })

  test('names the container that is not there, and says unauthorized for a wrong key', async (context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    const nowhere = `abfss://nowhere@${account}.dfs.core.windows.net/file`
    await expect(put(new AzureFileIO({ properties }), nowhere, 'x')).rejects.toMatchObject({
      code: 'io',
      message: `Could not write ${nowhere}: Azure Storage says ContainerNotFound`,
      hint: expect.stringContaining('does not exist'),
    })
    const wrong = connection.replace(key, Buffer.from('wrong key').toString('base64'))
    const io = new AzureFileIO({ properties: { 'adls.connection-string': wrong } })
    await expect(io.read(`${root}/file`)).rejects.toMatchObject({ code: 'unauthorized', retryable: false })
  })
})

test('keeps keys and tokens out of errors, their causes included', async () => {
  const secrets = [key, 'sig=SECRETTESTONLY']
  for (const given of [
    { 'adls.connection-string': connection.replace(url, 'http://127.0.0.1:1') },
    { 'adls.connection-string': `nonsense ${key}` },
    { 'adls.sas-token': `sv=1&${secrets[1] ?? ''}`, 'adls.account-host': '127.0.0.1:1' },
  ]) {
    const io = new AzureFileIO({ properties: given })
    const stop = AbortSignal.timeout(300)
    const error: unknown = await io.read(`${root}/f`, { signal: stop }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(Error)
    for (const secret of secrets) expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secret)
  }
})

test('refuses locations without a container or an account', async () => {
  const io = new AzureFileIO()
  for (const path of ['abfss://', 'abfss://lake@account.dfs.core.windows.net', '/local', 'abfss://lake/file']) {
    await expect(io.read(path)).rejects.toMatchObject({ code: 'invalid-argument', context: { path } })
  }
})
