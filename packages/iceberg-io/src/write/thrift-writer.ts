import { ByteBuffer } from './byte-buffer.ts'

const STOP = 0
const TRUE = 1
const FALSE = 2
const INT = 5
const LONG = 6
const BINARY = 8
const LIST = 9
const STRUCT = 12

/**
 * Writes one struct of Thrift's compact protocol, field by field in the order of their ids, for what a file has many of. Numbers are
 * whole and not negative. A field whose value is undefined is left out.
 *
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export class ThriftWriter {
  readonly #bytes = new ByteBuffer(64)
  readonly #outer: number[] = []
  /** The id of the field before. */
  #last = 0

  /** A field of 32 bits. */
  int(id: number, value: number | undefined): this {
    if (value === undefined) return this
    this.#field(id, INT)
    this.#number(value)
    return this
  }

  /** A field of 64 bits. */
  long(id: number, value: number | undefined): this {
    if (value === undefined) return this
    this.#field(id, LONG)
    this.#number(value)
    return this
  }

  binary(id: number, value: Uint8Array | undefined): this {
    if (value === undefined) return this
    this.#field(id, BINARY)
    this.#binary(value)
    return this
  }

  text(id: number, value: string): this {
    return this.binary(id, Buffer.from(value))
  }

  /** A field that is a struct, whose own fields `write` adds. */
  struct(id: number, write: (writer: this) => void): this {
    this.#field(id, STRUCT)
    this.#inner(write)
    return this
  }

  ints(id: number, values: readonly number[]): this {
    this.#list(id, INT, values.length)
    for (const value of values) this.#number(value)
    return this
  }

  longs(id: number, values: readonly number[]): this {
    this.#list(id, LONG, values.length)
    for (const value of values) this.#number(value)
    return this
  }

  booleans(id: number, values: readonly boolean[]): this {
    this.#list(id, FALSE, values.length)
    for (const value of values) this.#bytes.appendByte(value ? TRUE : FALSE)
    return this
  }

  binaries(id: number, values: readonly Uint8Array[]): this {
    this.#list(id, BINARY, values.length)
    for (const value of values) this.#binary(value)
    return this
  }

  /** A field that is a list of structs; `write` adds the fields of each. */
  structs<T>(id: number, values: readonly T[], write: (writer: this, value: T) => void): this {
    this.#list(id, STRUCT, values.length)
    for (const value of values) this.#inner((writer) => write(writer, value))
    return this
  }

  /** A field that is a list of structs, each of which is serialized already, its end included. */
  serialized(id: number, structs: readonly Uint8Array[]): this {
    this.#list(id, STRUCT, structs.length)
    for (const struct of structs) this.#bytes.append(struct)
    return this
  }

  /** Ends the struct and gives its bytes; another one begins. */
  take(): Uint8Array {
    this.#bytes.appendByte(STOP)
    const taken = Uint8Array.from(this.#bytes.view())
    this.#bytes.clear()
    this.#last = 0
    return taken
  }

  #inner(write: (writer: this) => void): void {
    this.#outer.push(this.#last)
    this.#last = 0
    write(this)
    this.#bytes.appendByte(STOP)
    this.#last = this.#outer.pop() ?? 0
  }

  #field(id: number, type: number): void {
    // Ids of the structs at hand are near each other.
    this.#bytes.appendByte(((id - this.#last) << 4) | type)
    this.#last = id
  }

  #list(id: number, type: number, length: number): void {
    this.#field(id, LIST)
    if (length < 15) {
      this.#bytes.appendByte((length << 4) | type)
    } else {
      this.#bytes.appendByte(0xf0 | type)
      this.#bytes.appendVarint(length)
    }
  }

  #binary(value: Uint8Array): void {
    this.#bytes.appendVarint(value.length)
    this.#bytes.append(value)
  }

  /** Zigzag, which of a number that is not negative is its double. */
  #number(value: number): void {
    let rest = value * 2
    while (rest > 0x7f) {
      this.#bytes.appendByte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes.appendByte(rest)
  }
}
