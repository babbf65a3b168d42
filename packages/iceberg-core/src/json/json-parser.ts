import { IcebergError } from '../errors.ts'
import type { JsonObject, JsonValue } from './json-value.ts'

/** How deep objects and arrays may nest. */
export const maxDepth = 500

/**
 * Parses JSON without loss, character by character, and says where a mistake is.
 *
 * @throws IcebergError `malformed-json` with the offset of the mistake.
 */
export function parseJsonSlowly(text: string): JsonValue {
  const parser = new Parser(text)
  const value = parser.value(0)
  parser.end()
  return value
}

const numberPattern = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
/** A string up to its closing quote; what is inside is left to `JSON.parse`. */
const stringPattern = /"[^"\\]*(?:\\.[^"\\]*)*"/sy
/** What makes a string more than the text between its quotes. */
const escapedPattern = /[\\\p{Cc}]/u
const plainMember = { configurable: true, enumerable: true, writable: true }
const literals: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): JsonValue {
    if (depth > maxDepth) throw this.#malformed('is nested too deeply')
    this.#space()
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    for (const [text, value] of literals) {
      if (this.#text.startsWith(text, this.#at)) {
        this.#at += text.length
        return value
      }
    }
    return this.#number()
  }

  end(): void {
    this.#space()
    if (this.#at < this.#text.length) throw this.#malformed('has something after its end')
  }

  #object(depth: number): JsonObject {
    const object: Record<string, JsonValue> = {}
    this.#at++
    this.#space()
    if (this.#take('}')) return object
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#malformed('has no member name')
      const name = this.#string()
      this.#space()
      if (!this.#take(':')) throw this.#malformed('has no colon')
      const value = this.value(depth + 1)
      // Assigned, it would become the prototype instead of a member.
      if (name === '__proto__') Object.defineProperty(object, name, { ...plainMember, value })
      else object[name] = value
      this.#space()
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#malformed('has an object that does not end')
    return object
  }

  #array(depth: number): JsonValue[] {
    const items: JsonValue[] = []
    this.#at++
    this.#space()
    if (this.#take(']')) return items
    do {
      items.push(this.value(depth + 1))
      this.#space()
    } while (this.#take(','))
    if (!this.#take(']')) throw this.#malformed('has an array that does not end')
    return items
  }

  #string(): string {
    const end = this.#text.indexOf('"', this.#at + 1)
    const plain = this.#text.slice(this.#at + 1, end)
    if (end > 0 && !escapedPattern.test(plain)) {
      this.#at = end + 1
      return plain
    }
    const token = this.#match(stringPattern)?.[0]
    if (token === undefined) throw this.#malformed('has a string that does not end')
    try {
      return JSON.parse(token) as string // a token that begins and ends with quotes is a string or an error
    } catch (cause) {
      this.#at -= token.length
      throw this.#malformed('has a malformed string', cause)
    }
  }

  #number(): number | bigint {
    const start = this.#at
    const match = this.#match(numberPattern)
    if (match === undefined) throw this.#malformed('has something unexpected')
    const value = Number(match[0])
    if (match[1] === undefined && match[2] === undefined) {
      return Number.isSafeInteger(value) ? value : BigInt(match[0])
    }
    if (Number.isFinite(value)) return value
    this.#at = start
    throw this.#malformed('has a number out of range')
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #malformed(what: string, cause?: unknown): IcebergError {
    const where = this.#at >= this.#text.length ? 'at its end' : `at offset ${this.#at}`
    return new IcebergError('malformed-json', `the JSON ${what} ${where}`, { context: { offset: this.#at }, cause })
  }
}
