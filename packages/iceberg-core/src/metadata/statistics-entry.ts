import type { JsonObject, JsonValue } from '../json/json-value.ts'

/** The snapshot that a statistics entry belongs to; -1 when it does not say. */
export function snapshotIdOf(entry: JsonObject): bigint {
  const value: JsonValue | undefined = entry['snapshot-id']
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value as bigint | number) : -1n
}

/** The file of a statistics entry. */
export function statisticsPathOf(entry: JsonObject): string | undefined {
  const path = entry['statistics-path']
  return typeof path === 'string' && path !== '' ? path : undefined
}
