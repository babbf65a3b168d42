import type { DecodedRecord } from '../avro/avro-decoder.ts'
import { IcebergError } from '../errors.ts'

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
  record(id: number): DecodedRecord
  optionalArray(id: number): readonly unknown[] | undefined
  optionalLongs(id: number): readonly bigint[] | undefined
  optionalInts(id: number): readonly number[] | undefined
  optionalIntMap<T>(
    id: number,
    mapIds: ReadonlyMap<number, readonly [key: number, value: number]>,
    read: (value: unknown) => T | undefined,
  ): ReadonlyMap<number, T> | undefined
}

/** `file` is for messages. Every accessor throws IcebergError `malformed-manifest` for a value of another type. */
export function recordFields(record: DecodedRecord, file: string): RecordFields {
  const raw = (id: number): unknown => record.get(id) ?? undefined
  const wrong = (id: number, expected: string): never => {
    throw new IcebergError('malformed-manifest', `${file}: field ${id} is not ${expected}`, {
      context: { file, fieldId: id },
    })
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
    record: (id) => {
      const value = raw(id)
      return value instanceof Map ? value : wrong(id, 'a record')
    },
    optionalLongs: (id) =>
      optionalArray(id)?.map((value) => (typeof value === 'bigint' ? value : wrong(id, 'a list of longs'))),
    optionalInts: (id) =>
      optionalArray(id)?.map((value) => (typeof value === 'number' ? value : wrong(id, 'a list of ints'))),
    optionalIntMap: (id, mapIds, read) => {
      const items = optionalArray(id)
      if (items === undefined) return undefined
      const [keyId = 0, valueId = 0] = mapIds.get(id) ?? []
      const map = new Map<number, NonNullable<ReturnType<typeof read>>>()
      for (const item of items) {
        const key = item instanceof Map ? item.get(keyId) : undefined
        const value = item instanceof Map ? read(item.get(valueId)) : undefined
        if (typeof key !== 'number' || value === undefined || value === null) return wrong(id, 'a map from column ids')
        map.set(key, value)
      }
      return map
    },
  }
}
