import { codePageOf, codePageOfLcid, decodePage, encodePage, knownCollation, utf8 } from '../code-pages.ts'

/** How a column's char and varchar bytes are to be read, and the five bytes that say so in TYPE_INFO. */
export interface Collation {
  readonly bytes: Uint8Array
  readonly codePage: number
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
 * The wire form of a collation name. Languages that the sandbox does not know are sent as Latin1_General.
 * @see [MS-TDS] 2.2.5.1.2 Collation Rule Definition
 */
export function collationOf(name: string = DEFAULT_COLLATION_NAME): Collation {
  let collation = cache.get(name)
  if (collation === undefined) cache.set(name, (collation = build(name.toUpperCase())))
  return collation
}

export function collationFromBytes(bytes: Uint8Array): Collation {
  const flags = ((bytes[2] ?? 0) >>> 4) | (((bytes[3] ?? 0) & 0x0f) << 4)
  const lcid = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | (((bytes[2] ?? 0) & 0x0f) << 16)
  return { bytes, codePage: (flags & FLAG.utf8) !== 0 ? utf8 : codePageOfLcid(lcid) }
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
  if (parts.has('UTF8')) flags |= FLAG.utf8
  let version = 0
  for (const [part, number] of VERSIONS) if (parts.has(part)) version = number
  const bytes = new Uint8Array(5)
  const lcid = knownCollation(name)?.lcid ?? LCID_LATIN1_GENERAL
  bytes[0] = lcid & 0xff
  bytes[1] = lcid >>> 8
  bytes[2] = (flags & 0x0f) << 4
  bytes[3] = (flags >>> 4) | (version << 4)
  bytes[4] = SORT_IDS.get(name) ?? 0
  return { bytes, codePage: codePageOf(name) }
}

/** Encodes for a char or varchar column. What the code page does not have becomes `?`, as on the server. */
export function encodeChars(text: string, collation: Collation): Buffer {
  return encodePage(text, collation.codePage)
}

export function decodeChars(bytes: Buffer, collation: Collation): string {
  return decodePage(bytes, collation.codePage)
}
