/** How a column's char and varchar bytes are to be read, and the five bytes that say so in TYPE_INFO. */
export interface Collation {
  readonly bytes: Uint8Array
  readonly codePage: 'cp1252' | 'utf8'
}

export const DEFAULT_COLLATION_NAME = 'SQL_Latin1_General_CP1_CI_AS'

const LCID_LATIN1_GENERAL = 0x0409
const FLAG = {
  ignoreCase: 0x01,
  ignoreAccent: 0x02,
  ignoreKana: 0x04,
  ignoreWidth: 0x08,
  bin: 0x10,
  bin2: 0x20,
  utf8: 0x40,
}
const SORT_IDS: ReadonlyMap<string, number> = new Map([
  ['SQL_LATIN1_GENERAL_CP1_CS_AS', 51],
  ['SQL_LATIN1_GENERAL_CP1_CI_AS', 52],
  ['SQL_LATIN1_GENERAL_PREF_CP1_CI_AS', 53],
  ['SQL_LATIN1_GENERAL_CP1_CI_AI', 54],
])
const VERSIONS: ReadonlyMap<string, number> = new Map([
  ['90', 1],
  ['100', 2],
  ['140', 3],
])
const cache = new Map<string, Collation>()

/**
 * The wire form of a collation name. Languages other than Latin1_General are sent as Latin1_General: the sandbox has the code
 * pages 1252 and UTF-8, and no more.
 * @see [MS-TDS] 2.2.5.1.2 Collation Rule Definition
 */
export function collationOf(name: string = DEFAULT_COLLATION_NAME): Collation {
  let collation = cache.get(name)
  if (collation === undefined) cache.set(name, (collation = build(name.toUpperCase())))
  return collation
}

export function collationFromBytes(bytes: Uint8Array): Collation {
  const flags = ((bytes[2] ?? 0) >>> 4) | (((bytes[3] ?? 0) & 0x0f) << 4)
  return { bytes, codePage: (flags & FLAG.utf8) !== 0 ? 'utf8' : 'cp1252' }
}

function build(name: string): Collation {
  const parts = new Set(name.split('_'))
  let flags = 0
  if (parts.has('BIN')) flags |= FLAG.bin
  else if (parts.has('BIN2')) flags |= FLAG.bin2
  else {
    if (parts.has('CI')) flags |= FLAG.ignoreCase
    if (parts.has('AI')) flags |= FLAG.ignoreAccent
    if (!parts.has('KS')) flags |= FLAG.ignoreKana
    if (!parts.has('WS')) flags |= FLAG.ignoreWidth
  }
  const utf8 = parts.has('UTF8')
  if (utf8) flags |= FLAG.utf8
  let version = 0
  for (const [part, number] of VERSIONS) if (parts.has(part)) version = number
  const bytes = new Uint8Array(5)
  bytes[0] = LCID_LATIN1_GENERAL & 0xff
  bytes[1] = LCID_LATIN1_GENERAL >>> 8
  bytes[2] = (flags & 0x0f) << 4
  bytes[3] = (flags >>> 4) | (version << 4)
  bytes[4] = SORT_IDS.get(name) ?? 0
  return { bytes, codePage: utf8 ? 'utf8' : 'cp1252' }
}

const QUESTION_MARK = 0x3f
/** Characters of the bytes 0x80 to 0x9f; the five that Windows leaves undefined are the C1 controls of the same number. */
const CP1252_HIGH = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'
const CP1252_BYTES: ReadonlyMap<number, number> = new Map(
  Array.from(CP1252_HIGH, (char, index) => [char.charCodeAt(0), 0x80 + index] as const),
)

/** Encodes for a char or varchar column. What the code page does not have becomes `?`, as on the server. */
export function encodeChars(text: string, collation: Collation): Buffer {
  if (collation.codePage === 'utf8') return Buffer.from(text, 'utf8')
  const bytes = Buffer.from(text, 'latin1')
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80 || (unit >= 0xa0 && unit <= 0xff)) continue
    bytes[index] = CP1252_BYTES.get(unit) ?? QUESTION_MARK
  }
  return bytes
}

export function decodeChars(bytes: Buffer, collation: Collation): string {
  if (collation.codePage === 'utf8') return bytes.toString('utf8')
  const text = bytes.toString('latin1')
  // oxlint-disable-next-line no-control-regex -- 0x80 to 0x9f is where code page 1252 is not Latin-1
  return text.replace(/[\u0080-\u009f]/g, (char) => CP1252_HIGH[char.charCodeAt(0) - 0x80] ?? char)
}
