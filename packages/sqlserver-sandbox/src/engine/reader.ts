import type { DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api'
import type { ResultChunk, SqlType, SqlValue } from '../session.ts'
import { familyOf } from './types.ts'
import { decodeString, epochDays, keyToGuid } from './values.ts'
import { variantValue } from './variant-value.ts'

type Cell = (row: number) => SqlValue

/** The parts of DuckDB's vectors that are read; each concrete vector class has those of its kind. */
interface VectorShape {
  readonly items?: ArrayLike<number | bigint>
  readonly validity?: { itemValid(row: number): boolean; readonly data?: unknown }
  readonly entryVectors?: readonly VectorShape[]
  /** Of strings: 16 bytes each, the length and then the first bytes. */
  readonly dataView?: DataView
  getItem(row: number): unknown
  getScaledValue?(row: number): bigint | number | null
}

/** Readers over one chunk, by SQL Server type; no value object stands between the vector and the wire. */
export function readChunk(
  chunk: DuckDBDataChunk,
  types: readonly SqlType[],
  repeated: readonly boolean[] = [],
): ResultChunk {
  const cells = types.map((type, i) => {
    const vector = chunk.getColumnVector(i)
    return repeated[i] === true ? repeatedReader(vector, type) : cellReader(vector, type)
  })
  return { rowCount: chunk.rowCount, cells }
}

/** A text and how often it stands there: the whole of it is made for its row alone. */
function repeatedReader(source: DuckDBVector, type: SqlType): Cell {
  const [text, times] = (source as unknown as VectorShape).entryVectors ?? [] // as below
  if (text === undefined || times === undefined) throw new TypeError('a repeated text has two parts')
  // What the vectors of a struct are is known here and not to its type.
  const read = cellReader(text as unknown as DuckDBVector, type)
  return (row) => {
    const value = read(row)
    const count = times.getItem(row)
    return typeof value !== 'string' || count === null ? null : value.repeat(Math.max(0, Number(count)))
  }
}

function cellReader(source: DuckDBVector, type: SqlType): Cell {
  // The vector classes share no typed interface for raw access; VectorShape names what each is used for here.
  const vector = source as unknown as VectorShape
  // DuckDB gives each type of column one type of item, which the casts below name.
  switch (familyOf(type)) {
    case 'string':
      return (row) => {
        const value = vector.getItem(row)
        if (value === null) return null
        const text = decodeString(value as string)
        return lostMark(vector, row, text) ? `\ufeff${text}` : text
      }
    case 'binary':
      return (row) => {
        const value = vector.getItem(row)
        return value === null ? null : (value as { bytes: Uint8Array }).bytes
      }
    case 'variant':
      return (row) => {
        const value = vector.getItem(row)
        return value === null ? null : variantValue(value)
      }
    case 'guid':
      return (row) => {
        const value = vector.getItem(row)
        return value === null ? null : keyToGuid((value as { toString(): string }).toString())
      }
    default:
  }
  switch (type.name) {
    case 'bit':
      return (row) => vector.getItem(row) as boolean | null
    case 'decimal':
    case 'numeric':
    case 'money':
    case 'smallmoney':
      return (row) => {
        const value = vector.getScaledValue?.(row) ?? null
        return value === null ? null : BigInt(value)
      }
    case 'date':
      return numeric(vector, (n) => Number(n) + epochDays)
    case 'datetimeoffset': {
      const [utc, offset] = vector.entryVectors ?? []
      return (row) =>
        vector.validity?.itemValid(row) === false || utc === undefined || offset === undefined
          ? null
          : { utc: BigInt(utc.getItem(row) as bigint), offsetMinutes: Number(offset.getItem(row)) }
    }
    default:
      return numeric(vector, undefined)
  }
}

/** A text as DuckDB keeps it, U+FEFF at its beginning included; null for what is none. */
export function textItem(source: DuckDBVector, row: number): string | null {
  const value = source.getItem(row)
  if (typeof value !== 'string') return null
  return lostMark(source as unknown as VectorShape, row, value) ? `\ufeff${value}` : value // as below
}

/** DuckDB's reader takes U+FEFF at the beginning of a text for a byte order mark, and drops it. */
function lostMark({ dataView }: VectorShape, row: number, text: string): boolean {
  if (dataView === undefined || text.startsWith('\ufeff')) return false
  const at = row * 16
  return dataView.getUint32(at, true) >= 3 && (dataView.getUint32(at + 4, true) & 0xff_ffff) === 0xbf_bbef
}

function numeric(vector: VectorShape, map: ((n: number | bigint) => number) | undefined): Cell {
  const { items, validity } = vector
  if (items === undefined) return (row) => vector.getItem(row) as SqlValue
  const allValid = validity === undefined || validity.data === null || validity.data === undefined
  if (map === undefined) {
    if (allValid) return (row) => items[row] ?? null
    return (row) => (validity.itemValid(row) ? (items[row] ?? null) : null)
  }
  return (row) => (allValid || validity.itemValid(row) ? map(items[row] ?? 0) : null)
}
