import { crc32 } from 'node:zlib'
import { damaged } from './decode-fault.ts'
import { decompress } from './decompress.ts'
import type { Codec } from './metadata.ts'
import type { DataPageHeader, DataPageV2Header, DictionaryPageHeader, Encoding, PageHeader } from './page-header.ts'
import { type ByteValues, decodePlain, decodeValues, type FixedValues, type PageValues } from './page-values.ts'
import { decodeBitPacked, decodeHybrid, levelBits, singleRun } from './rle.ts'
import type { SchemaNode } from './schema-tree.ts'

/** One data page, decoded. */
export interface Page {
  readonly slots: number
  /** A level a slot; undefined when every slot holds a value. */
  readonly definition: Uint8Array | undefined
  /** A level a slot; undefined for leaves that do not repeat. */
  readonly repetition: Uint8Array | undefined
  readonly values: PageValues
}

export type Dictionary = FixedValues | ByteValues

interface PageContext {
  readonly leaf: SchemaNode
  readonly codec: Codec
  readonly dictionary: Dictionary | undefined
}

/** @throws DecodeFault when the page carries a checksum that its bytes do not have. */
export function checkPage(header: PageHeader, stored: Uint8Array): void {
  if (header.crc !== undefined && crc32(stored) !== header.crc >>> 0) {
    throw damaged('a page does not have the checksum that it carries')
  }
}

/** @throws DecodeFault */
export function decodeDictionary(header: DictionaryPageHeader, stored: Uint8Array, context: PageContext): Dictionary {
  const values = decodePlain(decompress(context.codec, stored, header.pageBytes), context.leaf, header.valueCount)
  // Entries are looked up as 32-bit words, which must be aligned.
  if (values.kind === 'fixed' && values.bytes.byteOffset % 4 !== 0)
    return { ...values, bytes: new Uint8Array(values.bytes) }
  return values
}

/** @throws DecodeFault */
export function decodeDataPage(
  header: DataPageHeader | DataPageV2Header,
  stored: Uint8Array,
  context: PageContext,
): Page {
  return header.kind === 'data' ? decodeV1(header, stored, context) : decodeV2(header, stored, context)
}

function decodeV1(header: DataPageHeader, stored: Uint8Array, context: PageContext): Page {
  const { leaf } = context
  const { slots } = header
  const bytes = decompress(context.codec, stored, header.pageBytes)
  let at = 0
  const levels = (max: number, encoding: Encoding, shortcut: number | undefined): Uint8Array | undefined => {
    if (max === 0) return undefined
    const bits = levelBits(max)
    if (encoding === 'bit-packed') {
      const target = new Uint8Array(slots)
      decodeBitPacked(bytes.subarray(at), bits, target)
      at += Math.ceil((slots * bits) / 8)
      return target
    }
    if (encoding !== 'rle') throw damaged(`levels are encoded as ${encoding}`)
    if (at + 4 > bytes.length) throw damaged('the levels of a page end too early')
    const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true)
    at += 4
    if (size > bytes.length - at) throw damaged('the levels of a page end too early')
    at += size
    return hybridLevels(bytes.subarray(at - size, at), { bits, slots, shortcut })
  }
  const repetition = checked(levels(leaf.maxRepetition, header.repetitionEncoding, undefined), leaf.maxRepetition)
  const definition = levels(leaf.maxDefinition, header.definitionEncoding, leaf.maxDefinition)
  return pageOf({ slots, repetition, definition, encoding: header.encoding }, bytes.subarray(at), context)
}

function decodeV2(header: DataPageV2Header, stored: Uint8Array, context: PageContext): Page {
  const { leaf } = context
  const { slots, repetitionBytes, definitionBytes } = header
  const levelBytes = repetitionBytes + definitionBytes
  const levels = (bytes: Uint8Array, max: number, shortcut: number | undefined): Uint8Array | undefined =>
    max === 0 ? undefined : hybridLevels(bytes, { bits: levelBits(max), slots, shortcut })
  const repetition = checked(
    levels(stored.subarray(0, repetitionBytes), leaf.maxRepetition, undefined),
    leaf.maxRepetition,
  )
  const definition = levels(stored.subarray(repetitionBytes, levelBytes), leaf.maxDefinition, leaf.maxDefinition)
  const rest = stored.subarray(levelBytes)
  const codec = header.compressed ? context.codec : 'uncompressed'
  const bytes = decompress(codec, rest, header.pageBytes - levelBytes)
  return pageOf({ slots, repetition, definition, encoding: header.encoding }, bytes, context)
}

function checked(levels: Uint8Array | undefined, max: number): Uint8Array | undefined {
  if (levels?.some((level) => level > max)) throw damaged('a page has levels that its column does not have')
  return levels
}

/** Levels in bytes; undefined when all are the level of the shortcut. */
function hybridLevels(
  bytes: Uint8Array,
  levels: { readonly bits: number; readonly slots: number; readonly shortcut: number | undefined },
): Uint8Array | undefined {
  const { bits, slots, shortcut } = levels
  if (shortcut !== undefined && singleRun(bytes, bits, slots) === shortcut) return undefined
  const target = new Uint8Array(slots)
  decodeHybrid(bytes, bits, target)
  return target
}

function pageOf(
  page: {
    readonly slots: number
    readonly repetition: Uint8Array | undefined
    readonly definition: Uint8Array | undefined
    readonly encoding: Encoding
  },
  bytes: Uint8Array,
  { leaf, dictionary }: PageContext,
): Page {
  const { slots, definition } = page
  const max = leaf.maxDefinition
  let count = slots
  if (definition !== undefined) {
    count = 0
    for (let slot = 0; slot < slots; slot++) {
      const level = definition[slot] ?? 0
      if (level === max) count++
      else if (level > max) throw damaged('a page has levels that its column does not have')
    }
  }
  const values = decodeValues(bytes, { leaf, encoding: page.encoding, count, dictionary })
  return { slots, definition: count === slots ? undefined : definition, repetition: page.repetition, values }
}
