/**
 * A single value of a primitive type, in the one form used throughout:
 *
 * - `boolean`: boolean
 * - `int`, `date` (days since 1970-01-01), `float`, `double`: number
 * - `long`, `time` (µs), `timestamp`, `timestamptz` (µs), `timestamp_ns`, `timestamptz_ns` (ns): bigint
 * - `decimal`: bigint, the unscaled value
 * - `string`: string; `uuid`: lower-case string with hyphens
 * - `fixed`, `binary`, `variant`, `geometry`, `geography`: Uint8Array
 */
export type Value = boolean | number | bigint | string | Uint8Array

/** A value of a partition tuple. */
export type PartitionValue = Value | null
