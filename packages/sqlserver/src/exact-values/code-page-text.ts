import { createRequire } from 'node:module'
import type { ResultColumn } from '../session.ts'

/** Text of one code page, decoded in parts. */
export interface CodePageDecoder {
  /** The characters that are whole with these bytes. */
  write(bytes: Buffer): string
  /** What is left of bytes that make no whole character. */
  end(): string | undefined
}

interface Decoders {
  getDecoder(encoding: string, options: { readonly stripBOM: false }): CodePageDecoder
}

let decoders: Decoders | undefined

/**
 * A decoder for the characters of a column, of the library that the driver decodes with. U+FEFF at the
 * beginning is a character like any other: the driver takes it for a byte order mark, and drops it.
 */
export function codePageDecoder(column: ResultColumn): CodePageDecoder {
  // As the driver: a column without a collation has UTF-8.
  const encoding = column.collation?.codepage ?? 'utf8'
  decoders ??= createRequire(createRequire(import.meta.url).resolve('tedious'))('iconv-lite') as Decoders
  return decoders.getDecoder(encoding, { stripBOM: false })
}
