import { damaged, unsupported } from './decode-fault.ts'
import { ThriftReader, type ThriftStruct } from './thrift.ts'

export type Encoding =
  | 'plain'
  | 'dictionary'
  | 'rle'
  | 'bit-packed'
  | 'delta-binary-packed'
  | 'delta-length-byte-array'
  | 'delta-byte-array'
  | 'byte-stream-split'

interface PageSizes {
  /** Bytes that follow the header. */
  readonly storedBytes: number
  /** Bytes of the page once it is decompressed. */
  readonly pageBytes: number
  readonly crc: number | undefined
}

export interface DictionaryPageHeader extends PageSizes {
  readonly kind: 'dictionary'
  readonly valueCount: number
}

export interface DataPageHeader extends PageSizes {
  readonly kind: 'data'
  readonly slots: number
  readonly encoding: Encoding
  readonly definitionEncoding: Encoding
  readonly repetitionEncoding: Encoding
}

export interface DataPageV2Header extends PageSizes {
  readonly kind: 'data-v2'
  readonly slots: number
  readonly encoding: Encoding
  readonly definitionBytes: number
  readonly repetitionBytes: number
  readonly compressed: boolean
}

/** Pages of other kinds are passed over. */
export interface OtherPageHeader extends PageSizes {
  readonly kind: 'other'
}

export type PageHeader = DictionaryPageHeader | DataPageHeader | DataPageV2Header | OtherPageHeader

/** More slots than this in one page are no page that a writer makes; levels and indexes of a page are held in memory. */
const mostSlots = 1 << 26

/** The header at `start`, and where it ends. @throws DecodeFault */
export function readPageHeader(
  bytes: Uint8Array,
  start: number,
): { readonly header: PageHeader; readonly end: number } {
  const reader = new ThriftReader(bytes, start)
  const struct = reader.struct()
  const end = reader.position
  const pageBytes = count(struct.int(2), 'a page')
  const storedBytes = count(struct.int(3), 'a page')
  if (storedBytes > bytes.length - end) throw damaged('a page ends after its column')
  const crc = struct.int(4)
  return { header: headerOf(struct, { pageBytes, storedBytes, crc }), end }
}

function headerOf(struct: ThriftStruct, sizes: PageSizes): PageHeader {
  switch (struct.int(1)) {
    case 0: {
      const page = present(struct.struct(5))
      return {
        ...sizes,
        kind: 'data',
        slots: slotCount(page.int(1)),
        encoding: encodingOf(page.int(2)),
        definitionEncoding: encodingOf(page.int(3) ?? 3),
        repetitionEncoding: encodingOf(page.int(4) ?? 3),
      }
    }
    case 2: {
      const page = present(struct.struct(7))
      const encoding = encodingOf(page.int(2))
      if (encoding !== 'plain' && encoding !== 'dictionary') throw unsupported(`a dictionary is encoded as ${encoding}`)
      return { ...sizes, kind: 'dictionary', valueCount: slotCount(page.int(1)) }
    }
    case 3: {
      const page = present(struct.struct(8))
      const definitionBytes = count(page.int(5), 'definition levels')
      const repetitionBytes = count(page.int(6), 'repetition levels')
      if (definitionBytes + repetitionBytes > Math.min(sizes.storedBytes, sizes.pageBytes)) {
        throw damaged('the levels of a page are larger than the page')
      }
      return {
        ...sizes,
        kind: 'data-v2',
        slots: slotCount(page.int(1)),
        encoding: encodingOf(page.int(4)),
        definitionBytes,
        repetitionBytes,
        compressed: page.bool(7) ?? true,
      }
    }
    default:
      return { ...sizes, kind: 'other' }
  }
}

function present(header: ThriftStruct | undefined): ThriftStruct {
  if (header === undefined) throw damaged('a page lacks the header of its kind')
  return header
}

function count(value: number | undefined, of: string): number {
  if (value === undefined || value < 0) throw damaged(`${of} has no size`)
  return value
}

function slotCount(value: number | undefined): number {
  const slots = count(value, 'a page')
  if (slots > mostSlots) throw unsupported(`a page of ${slots} values is not read`)
  return slots
}

const encodings: readonly (Encoding | undefined)[] = [
  'plain',
  undefined,
  'dictionary',
  'rle',
  'bit-packed',
  'delta-binary-packed',
  'delta-length-byte-array',
  'delta-byte-array',
  'dictionary',
  'byte-stream-split',
]

function encodingOf(value: number | undefined): Encoding {
  const encoding = encodings[value ?? -1]
  if (encoding === undefined) throw unsupported(`values have the unknown encoding ${value}`)
  return encoding
}
