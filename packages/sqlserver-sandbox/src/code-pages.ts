/** A language of Windows collations: how their names begin, the code page of char and varchar, and the locale on the wire. */
interface Language {
  readonly names: RegExp
  readonly page: number
  readonly lcid: number
}

/** @see https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support */
const languages: readonly Language[] = [
  { names: /^(SQL_)?LATIN1_GENERAL_/, page: 1252, lcid: 0x0409 },
  { names: /^FRENCH_/, page: 1252, lcid: 0x040c },
  { names: /^FINNISH_SWEDISH_/, page: 1252, lcid: 0x040b },
  { names: /^POLISH_/, page: 1250, lcid: 0x0415 },
  { names: /^CZECH_/, page: 1250, lcid: 0x0405 },
  { names: /^HUNGARIAN_/, page: 1250, lcid: 0x040e },
  { names: /^CYRILLIC_GENERAL_/, page: 1251, lcid: 0x0419 },
  { names: /^UKRAINIAN_/, page: 1251, lcid: 0x0422 },
  { names: /^GREEK_/, page: 1253, lcid: 0x0408 },
  { names: /^TURKISH_/, page: 1254, lcid: 0x041f },
  { names: /^HEBREW_/, page: 1255, lcid: 0x040d },
  { names: /^ARABIC_/, page: 1256, lcid: 0x0401 },
  { names: /^LITHUANIAN_/, page: 1257, lcid: 0x0427 },
  { names: /^VIETNAMESE_/, page: 1258, lcid: 0x042a },
  { names: /^THAI_/, page: 874, lcid: 0x041e },
  { names: /^JAPANESE_/, page: 932, lcid: 0x0411 },
  { names: /^CHINESE_PRC_/, page: 936, lcid: 0x0804 },
  { names: /^KOREAN_WANSUNG_/, page: 949, lcid: 0x0412 },
  { names: /^CHINESE_TAIWAN_STROKE_/, page: 950, lcid: 0x0404 },
]

const encodings: Readonly<Record<number, string>> = {
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  ...Object.fromEntries(Array.from({ length: 9 }, (_, n) => [1250 + n, `windows-${1250 + n}`])),
}

export const utf8 = 65_001
export const latin1 = 1252

/** The code page and the locale of a collation; undefined for one that is not known here. */
export function knownCollation(name: string): { readonly page: number; readonly lcid: number } | undefined {
  const upper = name.toUpperCase()
  const language = languages.find(({ names }) => names.test(upper))
  if (language === undefined) return undefined
  return { page: upper.endsWith('_UTF8') ? utf8 : language.page, lcid: language.lcid }
}

/** The code page that char and varchar have under a collation: 1252 where there is none, or one that is not known here. */
export function codePageOf(collation: string | undefined): number {
  if (collation?.toUpperCase().endsWith('_UTF8') === true) return utf8
  return collation === undefined ? latin1 : (knownCollation(collation)?.page ?? latin1)
}

/** The code page of a locale on the wire. */
export function codePageOfLcid(lcid: number): number {
  return languages.find((language) => language.lcid === lcid)?.page ?? latin1
}

/** Whether a character takes one byte at most. */
export function isSingleByte(page: number): boolean {
  return page === 874 || (page >= 1250 && page <= 1258)
}

/** What the code page does not have becomes `?`, as on the server; a surrogate pair becomes two. */
export function encodePage(text: string, page: number): Buffer {
  if (page === utf8) return Buffer.from(text, 'utf8')
  if (!PAST_ASCII.test(text)) return Buffer.from(text, 'latin1')
  const table = tableOf(page)
  const bytes: number[] = []
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    const code = unit < 0x80 ? unit : (table.get(unit) ?? QUESTION_MARK)
    if (code > 0xff) bytes.push(code >>> 8)
    bytes.push(code & 0xff)
  }
  return Buffer.from(bytes)
}

export function decodePage(bytes: Uint8Array, page: number): string {
  let decoder = decoders.get(page)
  if (decoder === undefined) {
    decoder = new TextDecoder(page === utf8 ? 'utf-8' : encodings[page], { ignoreBOM: true })
    decoders.set(page, decoder)
  }
  return decoder.decode(bytes)
}

/** Text as a code page gives it back. With `limit` it is cut to so many bytes, between characters; with `pad` spaces fill it up to them. */
export function throughPage(
  text: string,
  page: number,
  size: { readonly limit: number; readonly pad: number },
): string {
  let out = ''
  let length = 0
  for (const character of page === utf8 ? text : decodePage(encodePage(text, page), page)) {
    const width = encodePage(character, page).length
    if (size.limit >= 0 && length + width > size.limit) break
    out += character
    length += width
  }
  return out + ' '.repeat(Math.max(0, size.pad - length))
}

const QUESTION_MARK = 0x3f
const PAST_ASCII = /[^\0-\x7f]/ // oxlint-disable-line no-control-regex -- ASCII begins with the controls
const decoders = new Map<number, TextDecoder>()
const tables = new Map<number, ReadonlyMap<number, number>>()

/** Bytes by code unit, of one or two bytes, as the platform's decoder has them. Its tables are not Windows' own in rare places. */
function tableOf(page: number): ReadonlyMap<number, number> {
  const known = tables.get(page)
  if (known !== undefined) return known
  const decoder = new TextDecoder(encodings[page])
  const table = new Map<number, number>()
  const add = (code: number, ...bytes: readonly number[]): void => {
    const text = decoder.decode(Uint8Array.from(bytes))
    const unit = text.charCodeAt(0)
    if (text.length === 1 && unit >= 0x80 && unit !== 0xfffd && !table.has(unit)) table.set(unit, code)
  }
  for (let byte = 0x80; byte <= 0xff; byte += 1) add(byte, byte)
  if (!isSingleByte(page)) {
    for (let first = 0x81; first <= 0xfe; first += 1) {
      // Doubles that Windows does not write, and the characters of Hong Kong that its Big5 has not.
      if (page === 932 && (first === 0xed || first === 0xee)) continue
      if (page === 950 && (first < 0xa1 || first > 0xf9)) continue
      for (let second = 0x40; second <= 0xfe; second += 1) add((first << 8) | second, first, second)
    }
  }
  tables.set(page, table)
  return table
}
