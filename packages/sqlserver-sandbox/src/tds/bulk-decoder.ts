/* oxlint-disable typescript/switch-exhaustiveness-check -- the default answers for every other type */
import { createHash } from 'node:crypto'
import { type BulkColumn, type SqlType, type SqlValue, SandboxSqlError } from '../session.ts'
import { ByteCursor, NEED_MORE } from './byte-cursor.ts'
import { TOKEN, TYPE } from './constants.ts'
import { readTypeInfo } from './type-info.ts'
import { type ValueReader, valueReader } from './value-readers.ts'

/** Rows handed on at a time. */
const SLICE_ROWS = 2048

type ColumnReader = (cursor: ByteCursor) => SqlValue

/**
 * Decodes the data of a bulk load as it arrives: COLMETADATA, ROW and NBCROW tokens, DONE. Keeps no more than the row that is
 * not complete yet.
 * @see [MS-TDS] 2.2.6.1 Bulk Load BCP
 */
export class BulkDecoder {
  readonly #columns: readonly BulkColumn[]
  readonly #cursor = new ByteCursor(Buffer.alloc(0))
  #readers: readonly ColumnReader[] | undefined
  #pending: Buffer[] = []
  #pendingBytes = 0
  #wanted = 0
  #done = false

  readonly #digestTextOver: number

  /** @param options `digestTextOver`: a text of more characters is replaced by what {@link digestOf} gives. */
  constructor(columns: readonly BulkColumn[], options: { readonly digestTextOver?: number | undefined } = {}) {
    this.#columns = columns
    this.#digestTextOver = options.digestTextOver ?? Infinity
  }

  /** The rows completed by these bytes, in slices. @throws SandboxSqlError 4816 for a column that is not of the declared type. */
  *push(bytes: Buffer): Generator<SqlValue[][]> {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    // A value larger than a packet is looked at again only when as much has come as was there: linear, not quadratic.
    if (this.#pendingBytes < this.#wanted) return
    yield* this.#decode()
  }

  /** @throws SandboxSqlError 4804 when the data ends in the middle of a row. */
  *end(): Generator<SqlValue[][]> {
    yield* this.#decode()
    if (!this.#done) throw sqlError(4804, 'Premature end-of-message while reading current row from host.')
  }

  *#decode(): Generator<SqlValue[][]> {
    const cursor = this.#cursor
    if (this.#pending.length > 0) cursor.append(Buffer.concat(this.#pending))
    this.#pending = []
    this.#pendingBytes = 0
    this.#wanted = 0
    let rows: SqlValue[][] = []
    let start = cursor.position
    try {
      while (cursor.remaining > 0 && !this.#done) {
        start = cursor.position
        const row = this.#token()
        if (row === undefined) continue
        rows.push(row)
        if (rows.length === SLICE_ROWS) {
          yield rows
          rows = []
        }
      }
    } catch (error) {
      if (error !== NEED_MORE) throw error
      cursor.position = start
      this.#wanted = cursor.remaining
    }
    if (rows.length > 0) yield rows
  }

  #token(): SqlValue[] | undefined {
    const cursor = this.#cursor
    const token = cursor.uint8()
    switch (token) {
      case TOKEN.colMetadata:
        this.#readers = this.#columnReaders()
        return undefined
      case TOKEN.row: {
        const readers = this.#ready()
        const row: SqlValue[] = []
        for (const read of readers) row.push(read(cursor))
        return row
      }
      case TOKEN.nbcRow: {
        const readers = this.#ready()
        const nulls = cursor.take((readers.length + 7) >>> 3)
        return readers.map((read, index) => {
          const isNull = (cursor.view.getUint8(nulls + (index >>> 3)) & (1 << (index & 7))) !== 0
          return isNull ? null : read(cursor)
        })
      }
      case TOKEN.done:
        cursor.take(12)
        this.#done = true
        return undefined
      default:
        throw sqlError(4804, `Bulk load data with the unknown token 0x${token.toString(16)}.`)
    }
  }

  #ready(): readonly ColumnReader[] {
    if (this.#readers === undefined) throw sqlError(4804, 'Bulk load data without column metadata.')
    return this.#readers
  }

  #columnReaders(): readonly ColumnReader[] {
    const cursor = this.#cursor
    const count = cursor.uint16()
    if (count !== this.#columns.length) {
      throw sqlError(4816, `Invalid column count from bcp client: ${count}, expected ${this.#columns.length}.`)
    }
    return this.#columns.map((column, index) => {
      cursor.take(6)
      const wire = readTypeInfo(cursor)
      if (wire.token === TYPE.text || wire.token === TYPE.ntext || wire.token === TYPE.image) cursor.longString()
      cursor.shortString()
      const read = converted(valueReader(wire), { from: wire.type, to: column.type, index })
      return this.#digestTextOver === Infinity ? read : (reading) => this.#digested(read(reading))
    })
  }

  #digested(value: SqlValue): SqlValue {
    return typeof value === 'string' && value.length > this.#digestTextOver ? digestOf(value) : value
  }
}

/** Length in characters and SHA-256 of the UTF-8 of a text, as `52428800 2c26…`. */
export function digestOf(text: string): string {
  return `${text.length} ${createHash('sha256').update(text, 'utf8').digest('hex')}`
}

/** Bridges the representations of two types of one family; anything else the server refuses, and so does the sandbox. */
function converted(read: ValueReader, column: { from: SqlType; to: SqlType; index: number }): ColumnReader {
  const { from, to, index } = column
  const source = family(from)
  const target = family(to)
  if (source === target) return read
  if (source === 'int' && target === 'bigint') {
    return (cursor) => {
      const value = read(cursor)
      return typeof value === 'number' ? BigInt(value) : value
    }
  }
  throw sqlError(4816, `Invalid column type from bcp client for colid ${index + 1}.`)
}

function family(type: SqlType): string {
  switch (type.name) {
    case 'tinyint':
    case 'smallint':
    case 'int':
      return 'int'
    case 'decimal':
    case 'numeric':
      return `decimal of scale ${type.scale}`
    case 'money':
    case 'smallmoney':
      return 'money'
    case 'real':
    case 'float':
      return 'float'
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
    case 'text':
    case 'ntext':
    case 'xml':
      return 'text'
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
      return 'bytes'
    default:
      return type.name
  }
}

function sqlError(number: number, message: string): SandboxSqlError {
  return new SandboxSqlError({ number, state: 1, severity: 16, message, line: 1 })
}
