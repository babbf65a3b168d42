import { IcebergError } from '../errors.ts'
import type { JsonValue } from '../json/json-value.ts'
import { parseJsonLossless } from '../json/lossless-json.ts'
import type { FileIO } from '../port/file-io.ts'
import { compileDecoder, Cursor, damaged, type Decode, type DecodedRecord, type FieldNames } from './avro-decoder.ts'
import { decompressBlock } from './block-codec.ts'

/** Read in pieces of this size, so that memory is bounded by it and by one block. */
const pieceBytes = 8 << 20

/** An Avro container file, opened: its header, and its records to be pulled once. */
export interface AvroFile {
  /** Key-value metadata, `avro.schema` and `avro.codec` included. */
  readonly metadata: ReadonlyMap<string, Uint8Array>
  readonly schema: JsonValue
  records(names: FieldNames): AsyncGenerator<DecodedRecord, void, undefined>
}

/**
 * Opens an Avro container file.
 *
 * @throws IcebergError `malformed-manifest` naming the file and the position, also from `records`.
 */
export async function openAvroFile(
  io: FileIO,
  path: string,
  options: { readonly sizeBytes?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<AvroFile> {
  const source = new Source(io, path, options.sizeBytes, options.signal)
  try {
    const header = await readHeader(source)
    const schema = parseJsonLossless(headerText(header.metadata, 'avro.schema') ?? 'null')
    return {
      metadata: header.metadata,
      schema,
      records: (names) => readRecords(source, header, compileRecord(source, schema, names)),
    }
  } catch (cause) {
    throw locate(cause, source)
  }
}

/** A value of the header as text. */
export function headerText(metadata: ReadonlyMap<string, Uint8Array>, key: string): string | undefined {
  const value = metadata.get(key)
  return value === undefined ? undefined : new TextDecoder().decode(value)
}

interface Header {
  readonly metadata: ReadonlyMap<string, Uint8Array>
  readonly sync: Uint8Array
}

async function readHeader(source: Source): Promise<Header> {
  const magic = await source.take(4)
  if (magic[0] !== 0x4f || magic[1] !== 0x62 || magic[2] !== 0x6a || magic[3] !== 1) {
    throw damaged('the file is not an Avro file')
  }
  const metadata = new Map<string, Uint8Array>()
  for (;;) {
    let count = await source.long()
    if (count === 0n) break
    if (count < 0n) {
      count = -count
      await source.long()
    }
    for (let left = count; left > 0n; left--) {
      const key = new TextDecoder().decode(await source.take(await source.length()))
      metadata.set(key, new Uint8Array(await source.take(await source.length())))
    }
  }
  return { metadata, sync: new Uint8Array(await source.take(16)) }
}

function compileRecord(source: Source, schema: JsonValue, names: FieldNames): Decode {
  try {
    return compileDecoder(schema, names)
  } catch (cause) {
    throw locate(cause, source)
  }
}

async function* readRecords(
  source: Source,
  header: Header,
  decode: Decode,
): AsyncGenerator<DecodedRecord, void, undefined> {
  const codec = headerText(header.metadata, 'avro.codec') ?? 'null'
  try {
    while (!(await source.atEnd())) {
      const count = await source.long()
      const data = decompressBlock(codec, await source.take(await source.length()))
      const cursor = new Cursor(data)
      for (let left = count; left > 0n; left--) {
        if (cursor.remaining === 0) throw damaged('a block has fewer records than it claims')
        const record = decode(cursor)
        if (!(record instanceof Map)) throw damaged('the Avro schema is not a record')
        yield record
      }
      const sync = await source.take(16)
      if (sync.some((byte, index) => byte !== header.sync[index])) throw damaged('a block does not end with its marker')
    }
  } catch (cause) {
    throw locate(cause, source)
  }
}

function locate(cause: unknown, source: Source): unknown {
  if (!(cause instanceof IcebergError) || (cause.code !== 'malformed-manifest' && cause.code !== 'malformed-json')) {
    return cause
  }
  if (cause.context['file'] !== undefined) return cause
  return new IcebergError('malformed-manifest', `${source.path} at byte ${source.position}: ${cause.message}`, {
    context: { ...cause.context, file: source.path, offset: source.position },
    hint:
      cause.hint ??
      'The manifest is damaged. Read or roll back to a snapshot that does not use it, or restore the file.',
    cause,
  })
}

/** The file's bytes in order, fetched in pieces. */
class Source {
  readonly path: string
  readonly #io: FileIO
  readonly #signal: AbortSignal | undefined
  #sizeBytes: number | undefined
  #piece: Uint8Array = new Uint8Array(0)
  #at = 0
  #fetched = 0

  constructor(io: FileIO, path: string, sizeBytes: number | undefined, signal: AbortSignal | undefined) {
    this.#io = io
    this.path = path
    this.#sizeBytes = sizeBytes
    this.#signal = signal
  }

  /** Bytes consumed so far. */
  get position(): number {
    return this.#fetched - this.#piece.length + this.#at
  }

  async atEnd(): Promise<boolean> {
    return this.#at >= this.#piece.length && this.#fetched >= (await this.#size())
  }

  /** The next `count` bytes, valid until the next call. */
  async take(count: number): Promise<Uint8Array> {
    if (this.#piece.length - this.#at < count) await this.#fetch(count)
    const bytes = this.#piece.subarray(this.#at, this.#at + count)
    this.#at += count
    return bytes
  }

  async long(): Promise<bigint> {
    let value = 0n
    for (let shift = 0n; shift <= 63n; shift += 7n) {
      const byte = (await this.take(1))[0] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw damaged('an integer has too many bytes')
  }

  async length(): Promise<number> {
    const value = await this.long()
    if (value < 0n || value > BigInt((await this.#size()) - this.position)) {
      throw damaged('a length is larger than the file')
    }
    return Number(value)
  }

  async #fetch(count: number): Promise<void> {
    const size = await this.#size()
    const rest = this.#piece.subarray(this.#at)
    const end = Math.min(size, this.#fetched + Math.max(pieceBytes, count - rest.length))
    const options = { range: { start: this.#fetched, end }, signal: this.#signal }
    const next = end > this.#fetched ? await this.#io.read(this.path, options) : new Uint8Array(0)
    if (rest.length + next.length < count) throw damaged('the file ends too early')
    const joined = new Uint8Array(rest.length + next.length)
    joined.set(rest)
    joined.set(next, rest.length)
    this.#piece = joined
    this.#fetched += next.length
    this.#at = 0
  }

  /** Asked of the store, because the length in a manifest list is not always right. */
  async #size(): Promise<number> {
    this.#sizeBytes ??= (await this.#io.stat(this.path, { signal: this.#signal })).sizeBytes
    return this.#sizeBytes
  }
}
