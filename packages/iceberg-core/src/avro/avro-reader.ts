import { IcebergError } from '../errors.ts'
import type { JsonValue } from '../json/json-value.ts'
import { parseJsonLossless } from '../json/lossless-json.ts'
import type { FileIO } from '../port/file-io.ts'
import { compileDecoder, type DecodedRecord, type FieldNames } from './avro-decoder.ts'
import { AvroSource, type AvroSourceOptions } from './avro-source.ts'
import { decompressBlock } from './block-codec.ts'
import { Cursor, damaged } from './cursor.ts'

/** An Avro container file, opened: its header, and its records to be pulled once, by one of the two ways. */
export interface AvroFile {
  /** Key-value metadata, `avro.schema` and `avro.codec` included. */
  readonly metadata: ReadonlyMap<string, Uint8Array>
  readonly schema: JsonValue
  /** What `read` makes of each record. */
  records<T>(names: FieldNames, read: (record: DecodedRecord) => T): AsyncGenerator<T, void, undefined>
  /**
   * Reads block by block: `read` is called with the cursor at the first record and the number of records, must move
   * over all of them, and gives what is yielded.
   */
  blocks<T>(read: (cursor: Cursor, count: number) => T): AsyncGenerator<T, void, undefined>
}

/**
 * Opens an Avro container file.
 *
 * @throws IcebergError `malformed-manifest` naming the file and the position, also from `records` and `blocks`;
 * `unsupported-encryption` for an encrypted one.
 */
export async function openAvroFile(io: FileIO, path: string, options: AvroSourceOptions = {}): Promise<AvroFile> {
  const source = new AvroSource(io, path, options)
  try {
    const header = await readHeader(source)
    const schema = parseJsonLossless(headerText(header.metadata, 'avro.schema') ?? 'null')
    return {
      metadata: header.metadata,
      schema,
      records: (names, read) => readRecords(source, header, { schema, names, read }),
      blocks: (read) => readBlocks(source, header, read),
    }
  } catch (cause) {
    throw locate(cause, source.path, source.position)
  }
}

/** A value of the header as text. */
export function headerText(metadata: ReadonlyMap<string, Uint8Array>, key: string): string | undefined {
  const value = metadata.get(key)
  return value === undefined ? undefined : new TextDecoder().decode(value)
}

/** Visits so many records of a block. No count makes it run on: every record takes bytes. */
export function forEachRecord(cursor: Cursor, count: number, visit: () => void): void {
  for (let left = count; left > 0; left--) {
    const before = cursor.at
    if (cursor.remaining === 0) throw damaged('a block has fewer records than it claims')
    visit()
    if (cursor.at === before) throw damaged('a record has no content')
  }
}

interface Header {
  readonly metadata: ReadonlyMap<string, Uint8Array>
  readonly sync: Uint8Array
}

async function readHeader(source: AvroSource): Promise<Header> {
  const magic = await source.take(4)
  const text = String.fromCharCode(...magic)
  if (text === 'AGS1') throw encrypted(source.path)
  if (text !== 'Obj\u0001') throw damaged('the file is not an Avro file')
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

async function* readRecords<T>(
  source: AvroSource,
  header: Header,
  options: {
    readonly schema: JsonValue
    readonly names: FieldNames
    readonly read: (record: DecodedRecord) => T
  },
): AsyncGenerator<T, void, undefined> {
  const { schema, names, read } = options
  let decode: ReturnType<typeof compileDecoder> | undefined
  const blocks = readBlocks(source, header, (cursor, count) => {
    decode ??= compileDecoder(schema, names)
    const records: T[] = []
    const readNext = decode
    forEachRecord(cursor, count, () => {
      const record = readNext(cursor)
      if (!(record instanceof Map)) throw damaged('the Avro schema is not a record')
      records.push(read(record))
    })
    return records
  })
  for await (const records of blocks) yield* records
}

/** While a block is decoded, the next one is decompressed. */
async function* readBlocks<T>(
  source: AvroSource,
  header: Header,
  read: (cursor: Cursor, count: number) => T,
): AsyncGenerator<T, void, undefined> {
  const codec = headerText(header.metadata, 'avro.codec') ?? 'null'
  const fetchNext = async (): Promise<Block | undefined> => {
    const block = await readBlock(source, header, codec)
    // Waited for when the block's turn comes.
    block?.data.catch(() => undefined)
    return block
  }
  try {
    let next = await fetchNext()
    while (next !== undefined) {
      const block = next
      next = undefined
      const following = fetchNext()
      following.catch(() => undefined)
      yield await readBlockData(source.path, block, read)
      next = await following
    }
  } catch (cause) {
    throw locate(cause, source.path, source.position)
  }
}

interface Block {
  readonly count: number
  /** Where the block starts in the file. */
  readonly offset: number
  readonly data: Promise<Uint8Array>
}

async function readBlock(source: AvroSource, header: Header, codec: string): Promise<Block | undefined> {
  if (await source.atEnd()) return undefined
  const offset = source.position
  const count = await source.long()
  if (count < 0n || count > 0xffff_ffffn) throw damaged('a block has no sensible number of records')
  const compressed = await source.take(await source.length())
  const sync = await source.take(16)
  if (sync.some((byte, index) => byte !== header.sync[index])) throw damaged('a block does not end with its marker')
  return { count: Number(count), offset, data: decompressBlock(codec, compressed) }
}

async function readBlockData<T>(path: string, block: Block, read: (cursor: Cursor, count: number) => T): Promise<T> {
  try {
    const cursor = new Cursor(await block.data)
    const result = read(cursor, block.count)
    if (cursor.remaining !== 0) throw damaged('a block has more data than its records take')
    return result
  } catch (cause) {
    throw locate(cause, path, block.offset)
  }
}

function locate(cause: unknown, path: string, offset: number): unknown {
  // A schema that refers to itself lets damaged data nest deeper than any stack.
  const error = cause instanceof RangeError ? damaged('the data is nested too deeply', cause) : cause
  if (!(error instanceof IcebergError) || (error.code !== 'malformed-manifest' && error.code !== 'malformed-json')) {
    return error
  }
  if (error.context['file'] !== undefined) return error
  return new IcebergError('malformed-manifest', `${path} at byte ${offset}: ${error.message}`, {
    context: { ...error.context, file: path, offset },
    hint:
      error.hint ??
      'The manifest is damaged. Read or roll back to a snapshot that does not use it, or restore the file.',
    cause: error,
  })
}

function encrypted(path: string): IcebergError {
  return new IcebergError('unsupported-encryption', `${path} is encrypted, and encrypted tables are not read`, {
    context: { file: path },
    hint: 'Read the table with an engine that has its keys, or copy it into a table without encryption.',
  })
}
