import { inspect } from 'node:util'
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { fileIOFor } from '@icebridge/fileio'
import { S3FileIO } from '@icebridge/fileio/s3'
import { fileIOConformance, put } from '@icebridge/fileio/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEmulator } from './emulator.ts'

const emulator = await startEmulator({
  variable: 'ICEBRIDGE_PYTHON',
  what: 'a Python with the packages of checks/interop/requirements.txt, moto[s3,server] among them',
  command: (python, port) => [python, '-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
})
const url = 'missing' in emulator ? 'http://127.0.0.1:1' : emulator.url
const properties = {
  's3.endpoint': url,
  's3.path-style-access': 'true',
  's3.access-key-id': 'AKIDTESTONLY',
  's3.secret-access-key': 'SECRETTESTONLY',
  'client.region': 'eu-central-1',
}
let client: S3Client
let tests = 0

beforeAll(async () => {
  if ('missing' in emulator) return
  const credentials = { accessKeyId: 'AKIDTESTONLY', secretAccessKey: 'SECRETTESTONLY' }
  client = new S3Client({ endpoint: url, forcePathStyle: true, region: 'us-east-1', credentials })
  await client.send(new CreateBucketCommand({ Bucket: 'lake' }))
})
afterAll(async () => {
  if (!('missing' in emulator)) await emulator.stop()
})

// moto ends a multipart upload whatever its If-None-Match says; that it is sent is tested below.
const beyondMoto = 'lets exactly one of several writers of one large file win'

describe('S3FileIO on an S3 server', () => {
  const conformance = fileIOConformance({
    create: () =>
      Promise.resolve({
        io: fileIOFor('s3://lake/', properties),
        root: `s3://lake/test-${tests++}`,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  })
  test.for(conformance.filter(({ name }) => name !== beyondMoto))(
    '$name',
    { timeout: 60_000 },
    async ({ run }, context) => {
      if ('missing' in emulator) return context.skip(emulator.missing)
      await run()
    },
  )

  test('leaves no unfinished upload behind when a file is aborted', async (context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    const io = new S3FileIO({ properties })
    const writer = await io.create('s3://lake/dropped')
    await writer.write(new Uint8Array(20_000_000))
    const during = await client.send(new ListMultipartUploadsCommand({ Bucket: 'lake' }))
    expect(during.Uploads).toHaveLength(1)
    await writer.abort()
    const after = await client.send(new ListMultipartUploadsCommand({ Bucket: 'lake' }))
    expect(after.Uploads ?? []).toEqual([])
  })

  test('names the bucket that is not there', async (context) => {
    if ('missing' in emulator) return context.skip(emulator.missing)
    const io = new S3FileIO({ properties })
    await expect(put(io, 's3://nowhere/file', 'x')).rejects.toMatchObject({
      code: 'io',
      message: 'Could not write s3://nowhere/file: Amazon S3 says NoSuchBucket',
      hint: expect.stringContaining('does not exist'),
    })
    await expect(io.read('s3://nowhere/file')).rejects.toMatchObject({ code: 'not-found' })
  })
})

/** A client that answers as `answer` says and keeps what was sent. */
function scripted(answer: (command: object, count: number) => object): { client: S3Client; sent: object[] } {
  const sent: object[] = []
  const scriptedClient = new S3Client({ region: 'us-east-1' })
  const send = (command: object): Promise<object> => {
    sent.push(command)
    const answered = answer(command, sent.length)
    return answered instanceof Error ? Promise.reject(answered) : Promise.resolve(answered)
  }
  return { client: Object.assign(scriptedClient, { send }), sent }
}

function serviceError(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error(`${name} happened`), { name, $metadata: { httpStatusCode } })
}

const absent = serviceError('NotFound', 404)

test('asks the store itself not to overwrite, in one request and at the end of an upload in parts', async () => {
  const { client: store, sent } = scripted((command) =>
    command.constructor.name === 'HeadObjectCommand' ? absent : { UploadId: 'u', ETag: 'e' },
  )
  const io = new S3FileIO({ client: store })
  await put(io, 's3://lake/small', 'x')
  const large = await io.create('s3://lake/large')
  await large.write(new Uint8Array(9_000_000))
  await large.close()
  const conditions = sent.flatMap((command) =>
    command instanceof PutObjectCommand || command instanceof CompleteMultipartUploadCommand
      ? [command.input.IfNoneMatch]
      : [],
  )
  expect(conditions).toEqual(['*', '*'])
})

test('takes its own object for success when the answer to the first request was lost', async () => {
  let writer: string | undefined
  const { client: store } = scripted((command, count) => {
    if (command instanceof PutObjectCommand) {
      writer = command.input.Metadata?.['icebridge-writer']
      return serviceError('PreconditionFailed', 412)
    }
    return count === 1 ? absent : { Metadata: { 'icebridge-writer': writer } }
  })
  await put(new S3FileIO({ client: store }), 's3://lake/f', 'x')
  expect(writer).toMatch(/^[0-9a-f-]{36}$/)
})

test('says already-exists for an object of another writer', async () => {
  for (const lost of [serviceError('PreconditionFailed', 412), serviceError('ConditionalRequestConflict', 409)]) {
    const { client: store } = scripted((command, count) => {
      if (command instanceof PutObjectCommand) return lost
      return count === 1 ? absent : { Metadata: { 'icebridge-writer': 'somebody' } }
    })
    await expect(put(new S3FileIO({ client: store }), 's3://lake/f', 'x')).rejects.toMatchObject({
      code: 'already-exists',
      context: { path: 's3://lake/f' },
    })
  }
})

test.each([
  [serviceError('AccessDenied', 403), { code: 'unauthorized', retryable: false }],
  [serviceError('SlowDown', 503), { code: 'io', retryable: true }],
  [Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), { code: 'io', retryable: true }],
  [serviceError('InvalidRequest', 400), { code: 'io', retryable: false }],
])('makes of %s an error that says whether to try again', async (failure, expected) => {
  const { client: store } = scripted(() => failure)
  await expect(new S3FileIO({ client: store }).read('s3://lake/f')).rejects.toMatchObject(expected)
})

test('says that an answer ended early', async () => {
  const { client: store } = scripted(() => ({
    ContentLength: 10,
    Body: { transformToByteArray: () => Promise.resolve(new Uint8Array(3)) },
  }))
  await expect(new S3FileIO({ client: store }).read('s3://lake/f')).rejects.toMatchObject({
    code: 'io',
    retryable: true,
    message: 'Could not read s3://lake/f: 3 of 10 bytes came',
  })
})

test('keeps keys out of errors, their causes included', async () => {
  const io = new S3FileIO({ properties: { ...properties, 's3.endpoint': 'http://127.0.0.1:1' } })
  const error: unknown = await io.read('s3://lake/f').catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'io', retryable: true, context: { path: 's3://lake/f' } })
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('SECRETTESTONLY')
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('AKIDTESTONLY')
})

test('refuses properties that it cannot honour, by name', () => {
  for (const [given, property] of [
    [{ 's3.remote-signing-enabled': 'true' }, 's3.remote-signing-enabled'],
    [{ 's3.access-key-id': 'x' }, 's3.access-key-id'],
    [{ 's3.secret-access-key': 'x' }, 's3.secret-access-key'],
    [{ 's3.sse.type': 'custom' }, 's3.sse.type'],
    [{ 's3.multipart.part-size-bytes': '1000' }, 's3.multipart.part-size-bytes'],
  ] as const) {
    expect(() => new S3FileIO({ properties: given })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', context: { property } }),
    )
  }
})

test.each(['s3://', 's3://bucket', 's3://bucket/', '/local', 'gs://bucket/key'])(
  'refuses %j as a location of a file',
  async (path) => {
    await expect(new S3FileIO({ properties }).read(path)).rejects.toMatchObject({ code: 'invalid-argument' })
  },
)
