import { createHash } from 'node:crypto'
import avro from 'avsc'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { isJsonArray, isJsonObject, stringifyJsonLossless } from '../json/lossless-json.ts'
import type { FileIO, FileWriter } from '../port/file-io.ts'
import { type AvroCodec, compressBlock } from './block-codec.ts'

/** A block is written out when it has this many bytes before compression. */
const blockBytes = 64 << 10

/** avsc's long is a `number`; this one is a `bigint`. */
const bigintLong = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: (value: number | string) => BigInt(value),
  toJSON: (value: bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

/**
 * Writes an Avro container file block by block. The header holds the schema as given, field ids and logical types
 * included, which avsc's own encoder would drop.
 */
export class AvroWriter {
  readonly #file: FileWriter
  readonly #type: avro.Type
  readonly #codec: AvroCodec
  readonly #sync: Uint8Array
  #records: Uint8Array[] = []
  #pendingBytes = 0

  private constructor(file: FileWriter, type: avro.Type, codec: AvroCodec, sync: Uint8Array) {
    this.#file = file
    this.#type = type
    this.#codec = codec
    this.#sync = sync
  }

  static async create(
    io: FileIO,
    path: string,
    options: {
      readonly schema: JsonObject
      readonly metadata: Readonly<Record<string, string>>
      readonly codec?: AvroCodec | undefined
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<AvroWriter> {
    const codec = options.codec ?? 'deflate'
    const schemaText = stringifyJsonLossless(options.schema)
    // avsc's typing of schemas does not know that it takes any JSON.
    const type = avro.Type.forSchema(plainSchema(options.schema) as avro.Schema, {
      registry: { long: bigintLong },
      wrapUnions: false,
    })
    // Unique to the file, as the path is; no randomness needed.
    const sync = createHash('sha256').update(path).update(schemaText).digest().subarray(0, 16)
    const file = await io.create(path, { signal: options.signal })
    const writer = new AvroWriter(file, type, codec, sync)
    try {
      await file.write(encodeHeader({ 'avro.schema': schemaText, 'avro.codec': codec, ...options.metadata }, sync))
    } catch (cause) {
      await file.abort()
      throw cause
    }
    return writer
  }

  /** Bytes written out so far. */
  get sizeBytes(): number {
    return this.#file.sizeBytes
  }

  /** Adds one record: an object with the names of the schema. */
  async write(record: Readonly<Record<string, unknown>>): Promise<void> {
    const bytes = this.#type.toBuffer(record)
    this.#records.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes >= blockBytes) await this.#flush()
  }

  /** Makes the file appear. Gives its size in bytes. */
  async close(): Promise<number> {
    await this.#flush()
    await this.#file.close()
    return this.#file.sizeBytes
  }

  async abort(): Promise<void> {
    await this.#file.abort()
  }

  async #flush(): Promise<void> {
    if (this.#records.length === 0) return
    const data = compressBlock(this.#codec, Buffer.concat(this.#records))
    await this.#file.write(
      Buffer.concat([encodeLong(BigInt(this.#records.length)), encodeLong(BigInt(data.length)), data, this.#sync]),
    )
    this.#records = []
    this.#pendingBytes = 0
  }
}

/** The schema without Iceberg's attributes: avsc would not find our `long` in `{ type: 'long', logicalType: ... }`. */
function plainSchema(schema: JsonValue): JsonValue {
  if (isJsonArray(schema)) return schema.map(plainSchema)
  if (!isJsonObject(schema)) return schema
  const type = schema['type'] ?? null
  if (type === 'array') return { type, items: plainSchema(schema['items'] ?? null) }
  if (type === 'fixed') return { type, name: schema['name'] ?? null, size: schema['size'] ?? null }
  const fields = schema['fields'] ?? null
  if (type !== 'record' || !isJsonArray(fields)) return plainSchema(type)
  return {
    type,
    name: schema['name'] ?? null,
    fields: fields.map((field) =>
      isJsonObject(field) ? { name: field['name'] ?? null, type: plainSchema(field['type'] ?? null) } : field,
    ),
  }
}

function encodeHeader(metadata: Readonly<Record<string, string>>, sync: Uint8Array): Uint8Array {
  const entries = Object.entries(metadata)
  return Buffer.concat([
    Buffer.from('Obj\x01', 'latin1'),
    encodeLong(BigInt(entries.length)),
    ...entries.flatMap(([key, value]) => [...encodeText(key), ...encodeText(value)]),
    encodeLong(0n),
    sync,
  ])
}

function encodeText(text: string): Uint8Array[] {
  const bytes = Buffer.from(text, 'utf8')
  return [encodeLong(BigInt(bytes.length)), bytes]
}

function encodeLong(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
