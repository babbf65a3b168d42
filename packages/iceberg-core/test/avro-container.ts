import avro from 'avsc'
import { crc32, deflateRawSync, zstdCompressSync } from 'node:zlib'

const bigLong = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => Buffer.from(BigInt64Array.of(value).buffer),
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => Number(a - b),
})

/** A schema's type, with `bigint` for longs and plain values for unions. */
export const typeOf = (schema: unknown): avro.Type =>
  avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigLong }, wrapUnions: false })

/** Header and decoded records of an Avro file, by avsc, which knows nothing of Iceberg. */
export async function decode(bytes: Uint8Array): Promise<{ meta: Record<string, string>; records: unknown[] }> {
  const decoder = new avro.streams.BlockDecoder({
    parseHook: typeOf,
    codecs: { deflate: (data, done) => void import('node:zlib').then((zlib) => zlib.inflateRaw(data, done)) },
  })
  const records: unknown[] = []
  let meta: Record<string, string> = {}
  decoder.on('metadata', (_type: unknown, _codec: unknown, header: { readonly meta: Record<string, Buffer> }) => {
    meta = Object.fromEntries(Object.entries(header.meta).map(([key, value]) => [key, value.toString()]))
  })
  decoder.on('data', (record: unknown) => records.push(record))
  const ended = new Promise((resolve, reject) => decoder.on('end', resolve).on('error', reject))
  decoder.end(Buffer.from(bytes))
  await ended
  return { meta, records }
}

export type Codec = 'null' | 'deflate' | 'zstandard' | 'snappy'

/** The records in a container file of another codec, with the same or another header. */
export function encode(
  schema: unknown,
  records: readonly unknown[],
  options: { readonly codec?: Codec; readonly meta?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  const { codec = 'null', meta = {} } = options
  const type = typeOf(plain(schema))
  const blocks = records.map((record) => compress(codec, type.toBuffer(record)))
  return container({ ...meta, 'avro.schema': JSON.stringify(schema), 'avro.codec': codec }, blocks)
}

function compress(codec: Codec, data: Buffer): Uint8Array {
  if (codec === 'deflate') return deflateRawSync(data)
  if (codec === 'zstandard') return zstdCompressSync(data)
  if (codec === 'null') return data
  // Snappy without any compression: the length, then one literal with its length in four bytes.
  const literal = Buffer.alloc(5)
  literal.writeUInt8(63 << 2)
  literal.writeUInt32LE(data.length - 1, 1)
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(data))
  const length: number[] = []
  for (let rest = data.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest)
    if (rest <= 0x7f) break
  }
  return Buffer.concat([Uint8Array.from(length), literal, data, crc])
}

/** avsc wants logical types and `{ type: 'long' }` out of the way to find the long of ours. */
function plain(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plain)
  if (typeof schema !== 'object' || schema === null) return schema
  const { type, items, values, fields, name, size, symbols } = schema as Record<string, unknown>
  if (type === 'array') return { type, items: plain(items) }
  if (type === 'map') return { type, values: plain(values) }
  if (type === 'fixed') return { type, name, size }
  if (type === 'enum') return { type, name, symbols }
  if (type !== 'record') return plain(type)
  const plainField = (field: { readonly name: string; readonly type: unknown }): unknown => ({
    name: field.name,
    type: plain(field.type),
  })
  return { type, name, fields: (fields as { readonly name: string; readonly type: unknown }[]).map(plainField) }
}

/** A container file of blocks with one record each, of bytes as given. */
export function container(meta: Record<string, string>, blocks: readonly Uint8Array[]): Uint8Array {
  const long = avro.Type.forSchema('long')
  const text = (value: string): Buffer => Buffer.concat([long.toBuffer(Buffer.byteLength(value)), Buffer.from(value)])
  const sync = Buffer.alloc(16, 7)
  return new Uint8Array(
    Buffer.concat([
      Buffer.from('Obj\x01', 'latin1'),
      long.toBuffer(Object.keys(meta).length),
      ...Object.entries(meta).flatMap(([key, value]) => [text(key), text(value)]),
      long.toBuffer(0),
      sync,
      ...blocks.flatMap((block) => [long.toBuffer(1), long.toBuffer(block.length), block, sync]),
    ]),
  )
}
