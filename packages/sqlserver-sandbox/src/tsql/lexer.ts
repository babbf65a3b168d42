import { sqlError, syntaxNear } from '../engine/errors.ts'

export type TokenKind = 'word' | 'quoted' | 'string' | 'nstring' | 'number' | 'binary' | 'variable' | 'operator' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** The value: identifier without its quotes, string without its quotes, operator as written. */
  readonly text: string
  /** For a word: the text in upper case; otherwise the text. */
  readonly upper: string
  readonly start: number
  readonly end: number
  readonly line: number
}

const operators = ['<>', '<=', '>=', '!=', '!<', '!>', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '::']
const wordStart = /[\p{L}_#]/u
const wordPart = /[\p{L}\p{N}_@#$]/u

/** Cuts T-SQL into tokens. Comments nest, as in SQL Server. `"x"` is an identifier (QUOTED_IDENTIFIER ON) or a string. */
export function tokenize(text: string, quotedIdentifiers = true): Token[] {
  const tokens: Token[] = []
  let at = 0
  let line = 1
  const add = (kind: TokenKind, value: string, start: number, end: number): void => {
    tokens.push({
      kind,
      text: value,
      upper: kind === 'word' || kind === 'variable' ? value.toUpperCase() : value,
      start,
      end,
      line,
    })
    for (let i = start; i < end; i++) if (text.charCodeAt(i) === 10) line++
    at = end
  }
  while (at < text.length) {
    const c = text[at] ?? ''
    if (c === '\n') {
      line++
      at++
    } else if (/\s/u.test(c) || c === '\uFEFF') {
      at++
    } else if (text.startsWith('--', at)) {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
    } else if (text.startsWith('/*', at)) {
      const end = commentEnd(text, at, line)
      for (let i = at; i < end; i++) if (text.charCodeAt(i) === 10) line++
      at = end
    } else if (c === "'") {
      const [value, end] = delimited(text, at, "'", line)
      add('string', value, at, end)
    } else if ((c === 'N' || c === 'n') && text[at + 1] === "'") {
      const [value, end] = delimited(text, at + 1, "'", line)
      add('nstring', value, at, end)
    } else if (c === '[') {
      const [value, end] = delimited(text, at, ']', line)
      add('quoted', identifier(value, line), at, end)
    } else if (c === '"') {
      const [value, end] = delimited(text, at, '"', line)
      if (quotedIdentifiers) add('quoted', identifier(value, line), at, end)
      else add('string', value, at, end)
    } else if (/^0[xX]/.test(text.slice(at, at + 2))) {
      const match = /^0[xX][0-9a-fA-F]*/.exec(text.slice(at))
      add('binary', (match?.[0] ?? '0x').slice(2), at, at + (match?.[0].length ?? 2))
    } else if (/[0-9]/.test(c) || (c === '.' && /[0-9]/.test(text[at + 1] ?? ''))) {
      const match = /^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d*)?/.exec(text.slice(at, at + 400))
      const number = match?.[0] ?? c
      add('number', number, at, at + number.length)
    } else if (c === '$' && /[0-9]/.test(text[at + 1] ?? '')) {
      throw syntaxNear('$', line)
    } else if (c === '@') {
      let end = at + 1
      while (end < text.length && wordPart.test(codePoint(text, end))) end += codePoint(text, end).length
      add('variable', text.slice(at, end), at, end)
    } else if (wordStart.test(codePoint(text, at)) || (c === '$' && /[a-zA-Z]/.test(text[at + 1] ?? ''))) {
      let end = at + codePoint(text, at).length
      while (end < text.length && wordPart.test(codePoint(text, end))) end += codePoint(text, end).length
      add('word', identifier(text.slice(at, end), line), at, end)
    } else {
      const operator = operators.find((o) => text.startsWith(o, at)) ?? c
      if (!/^[-+*/%&|^~=<>!(),.;:]+$/.test(operator)) throw syntaxNear(operator, line)
      add('operator', operator, at, at + operator.length)
    }
  }
  tokens.push({ kind: 'end', text: '', upper: '', start: text.length, end: text.length, line })
  return tokens
}

function codePoint(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) ?? 0)
}

function identifier(name: string, line: number): string {
  if (name.length > 128) {
    throw sqlError(103, `The identifier that starts with '${name.slice(0, 128)}' is too long. Maximum length is 128.`, {
      line,
    })
  }
  return name
}

function commentEnd(text: string, start: number, line: number): number {
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if (text.startsWith('/*', i)) {
      depth++
      i++
    } else if (text.startsWith('*/', i)) {
      depth--
      i++
      if (depth === 0) return i + 1
    }
  }
  throw sqlError(113, "Missing end comment mark '*/'.", { severity: 15, line })
}

function delimited(text: string, start: number, close: string, line: number): [string, number] {
  const parts: string[] = []
  let from = start + 1
  for (;;) {
    const end = text.indexOf(close, from)
    if (end < 0) {
      throw sqlError(
        105,
        `Unclosed quotation mark after the character string '${text.slice(start + 1, start + 41)}'.`,
        { line },
      )
    }
    parts.push(text.slice(from, end))
    if (text[end + 1] !== close) return [parts.join(close), end + 1]
    from = end + 2
  }
}
