import type { CharacterCheck } from './column-writer.ts'

/** Encodings of the platform for the code pages of SQL Server's collations. */
const encodings: Readonly<Record<number, string>> = {
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  1250: 'windows-1250',
  1251: 'windows-1251',
  1252: 'windows-1252',
  1253: 'windows-1253',
  1254: 'windows-1254',
  1255: 'windows-1255',
  1256: 'windows-1256',
  1257: 'windows-1257',
  1258: 'windows-1258',
}
const checks = new Map<number, CharacterCheck>()

/**
 * Tells whether text survives in a code page. The server puts a question mark or a similar letter in the place of a character that
 * the code page lacks, and says nothing. Undefined for UTF-8 (65001), which lacks none, and for code pages that are unknown here.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support
 */
export function characterCheck(codePage: number): CharacterCheck | undefined {
  const known = checks.get(codePage)
  const encoding = encodings[codePage]
  if (known !== undefined || encoding === undefined) return known
  const characters = charactersOf(encoding)
  const check: CharacterCheck = (text) => {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index)
      if (code >= 0x80 && !characters.has(code)) return false
    }
    return true
  }
  checks.set(codePage, check)
  return check
}

/** Every character that one byte or two bytes of the encoding give. All are in the basic plane but a few of Big5. */
function charactersOf(encoding: string): ReadonlySet<number> {
  const decoder = new TextDecoder(encoding)
  const characters = new Set<number>()
  const add = (...bytes: readonly number[]): void => {
    const text = decoder.decode(Uint8Array.from(bytes))
    if (text.length === 1 && text !== '\ufffd') characters.add(text.charCodeAt(0))
  }
  for (let first = 0x80; first <= 0xff; first += 1) add(first)
  if (!encoding.startsWith('windows')) {
    for (let first = 0x81; first <= 0xfe; first += 1) {
      for (let second = 0x40; second <= 0xfe; second += 1) add(first, second)
    }
  }
  return characters
}
