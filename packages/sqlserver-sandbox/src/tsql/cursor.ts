import { notImplemented, sqlError, syntaxNear } from '../engine/errors.ts'
import type { SqlType } from '../session.ts'
import type { ObjectName, Query, TypeName } from './ast.ts'
import { isReserved } from './keywords.ts'
import { type Token, tokenize } from './lexer.ts'

/** A position in the tokens of one batch, and the small recognisers that every part of the grammar shares. */
export class Cursor {
  readonly text: string
  readonly tokens: readonly Token[]
  position = 0
  /** Queries stand inside expressions and the other way round: the query grammar is given here. */
  readonly query: (cursor: Cursor) => Query

  constructor(text: string, options: { quotedIdentifiers?: boolean; query: (cursor: Cursor) => Query }) {
    this.text = text
    this.tokens = tokenize(text, options.quotedIdentifiers ?? true)
    this.query = options.query
  }

  get token(): Token {
    return this.peek(0)
  }

  get line(): number {
    return this.token.line
  }

  peek(ahead: number): Token {
    const token = this.tokens[this.position + ahead] ?? this.tokens.at(-1)
    if (token === undefined) throw new RangeError('a token list always ends with an end token')
    return token
  }

  next(): Token {
    const token = this.token
    this.position++
    return token
  }

  /** Whether the next words are these (upper case), as unquoted words or operators. */
  at(...words: readonly string[]): boolean {
    return words.every((word, i) => {
      const token = this.peek(i)
      return (token.kind === 'word' || token.kind === 'operator') && token.upper === word
    })
  }

  accept(...words: readonly string[]): boolean {
    if (!this.at(...words)) return false
    this.position += words.length
    return true
  }

  expect(...words: readonly string[]): void {
    for (const word of words) if (!this.accept(word)) throw this.syntaxError()
  }

  acceptOne<T extends string>(words: readonly T[]): T | undefined {
    const found = words.find((word) => this.at(word))
    if (found !== undefined) this.position++
    return found
  }

  syntaxError(): Error {
    const token = this.token
    if (token.kind === 'end') {
      const last = this.tokens[this.position - 1]
      return syntaxNear(last?.text ?? '', token.line)
    }
    if (token.kind === 'word' && isReserved(token.upper)) {
      return sqlError(156, `Incorrect syntax near the keyword '${token.text}'.`, { line: token.line })
    }
    return syntaxNear(token.text, token.line)
  }

  /** An identifier: quoted, or a word that is no reserved keyword. */
  identifier(): string {
    if (!this.atIdentifier()) throw this.syntaxError()
    return this.next().text
  }

  atIdentifier(ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'quoted' || (token.kind === 'word' && !isReserved(token.upper))
  }

  objectName(): ObjectName {
    const parts = [this.identifier()]
    while (this.accept('.')) {
      if (this.at('.')) parts.push('')
      else parts.push(this.identifier())
    }
    if (parts.length > 4)
      throw sqlError(
        117,
        `The object name '${parts.join('.')}' contains more than the maximum number of prefixes. The maximum is 3.`,
        { severity: 15 },
      )
    return parts
  }

  typeName(): TypeName {
    let name = this.identifier()
    let schema: string | undefined
    if (this.accept('.')) {
      schema = name
      name = this.identifier()
    }
    if (name.toLowerCase() === 'double' && this.at('PRECISION')) {
      this.next()
      name = 'float'
    }
    if (name.toLowerCase() === 'national') throw notImplemented('NATIONAL CHARACTER types')
    const args: (number | 'max')[] = []
    if (this.accept('(')) {
      do {
        if (this.accept('MAX')) args.push('max')
        else if (this.token.kind === 'number') args.push(Number(this.next().text))
        else throw this.syntaxError()
      } while (this.accept(','))
      this.expect(')')
    }
    return schema === undefined || schema.toLowerCase() === 'sys'
      ? { name, arguments: args }
      : { name, schema, arguments: args }
  }

  variable(): string {
    if (this.token.kind !== 'variable') throw this.syntaxError()
    return this.next().text
  }

  nameList(): string[] {
    this.expect('(')
    const names: string[] = []
    do names.push(this.identifier())
    while (this.accept(','))
    this.expect(')')
    return names
  }

  /** The source text of what a rule consumed, for definitions that the catalog keeps as text. */
  textOf(rule: () => unknown): string {
    const start = this.token.start
    rule()
    return this.text.slice(start, this.tokens[this.position - 1]?.end ?? start)
  }
}

/** The type of a number as SQL Server reads it: int, decimal for larger or with a point, float with an exponent. */
export function numberLiteral(text: string): { type: SqlType; value: number | bigint } {
  if (/[eE]/.test(text)) return { type: { name: 'float' }, value: Number(/[eE][+-]?$/.test(text) ? `${text}0` : text) }
  if (!text.includes('.')) {
    const value = BigInt(text)
    if (value <= 2147483647n) return { type: { name: 'int' }, value: Number(value) }
    const digits = value.toString().length
    if (digits > 38)
      throw sqlError(
        1007,
        `The number '${text}' is out of the range for numeric representation (maximum precision 38).`,
        { severity: 15 },
      )
    return { type: { name: 'numeric', precision: digits, scale: 0 }, value }
  }
  const [whole = '', fraction = ''] = text.split('.')
  const digits = whole.replace(/^0+/, '')
  const precision = Math.max(1, digits.length + fraction.length)
  if (precision > 38)
    throw sqlError(
      1007,
      `The number '${text}' is out of the range for numeric representation (maximum precision 38).`,
      { severity: 15 },
    )
  return { type: { name: 'numeric', precision, scale: fraction.length }, value: BigInt(digits + fraction || '0') }
}
