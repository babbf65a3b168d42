import type { DecodedRecord } from '../avro/avro-decoder.ts'
import { damaged } from '../avro/cursor.ts'

/** Typed access to a decoded Avro record by field id. */
export interface RecordFields {
  int(id: number): number
  optionalInt(id: number): number | undefined
  long(id: number): bigint
  optionalLong(id: number): bigint | undefined
  string(id: number): string
  optionalString(id: number): string | undefined
  boolean(id: number): boolean
  optionalBoolean(id: number): boolean | undefined
  optionalBytes(id: number): Uint8Array | undefined
  optionalArray(id: number): readonly unknown[] | undefined
}

/** Every accessor throws IcebergError `malformed-manifest` for a value of another type; the reader adds where. */
export function recordFields(record: DecodedRecord): RecordFields {
  const raw = (id: number): unknown => record.get(id) ?? undefined
  const wrong = (id: number, expected: string): never => {
    throw damaged(`field ${id} is not ${expected}`)
  }
  const optionalLong = (id: number): bigint | undefined => {
    const value = raw(id)
    // An int where a long is due is no harm.
    if (typeof value === 'number') return BigInt(value)
    return value === undefined || typeof value === 'bigint' ? value : wrong(id, 'a long')
  }
  const optionalInt = (id: number): number | undefined => {
    const value = raw(id)
    if (typeof value === 'bigint' && BigInt.asIntN(32, value) === value) return Number(value)
    return value === undefined || typeof value === 'number' ? value : wrong(id, 'an int')
  }
  const optionalString = (id: number): string | undefined => {
    const value = raw(id)
    return value === undefined || typeof value === 'string' ? value : wrong(id, 'a string')
  }
  const optionalBoolean = (id: number): boolean | undefined => {
    const value = raw(id)
    return value === undefined || typeof value === 'boolean' ? value : wrong(id, 'a boolean')
  }
  const optionalArray = (id: number): readonly unknown[] | undefined => {
    const value = raw(id)
    return value === undefined || Array.isArray(value) ? value : wrong(id, 'a list')
  }
  return {
    optionalInt,
    optionalLong,
    optionalString,
    optionalBoolean,
    optionalArray,
    int: (id) => optionalInt(id) ?? wrong(id, 'an int'),
    long: (id) => optionalLong(id) ?? wrong(id, 'a long'),
    string: (id) => optionalString(id) ?? wrong(id, 'a string'),
    boolean: (id) => optionalBoolean(id) ?? wrong(id, 'a boolean'),
    optionalBytes: (id) => {
      const value = raw(id)
      return value === undefined || value instanceof Uint8Array ? value : wrong(id, 'bytes')
    },
  }
}
