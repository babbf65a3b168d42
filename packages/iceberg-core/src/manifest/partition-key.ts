import type { DataFile } from '../manifest/data-file.ts'
import type { PartitionValue } from '../value/value.ts'

/**
 * One text for each partition of a table: equal for two files when their specs and all partition values are. Floating
 * values are equal when their bits are, every NaN being one.
 *
 * @see https://iceberg.apache.org/spec/#scan-planning
 */
export function partitionKey(file: Pick<DataFile, 'specId' | 'partition'>): string {
  let key = String(file.specId)
  for (const value of file.partition) key += valueKey(value)
  return key
}

/** Lengths keep the values of neighbouring fields apart. */
function valueKey(value: PartitionValue): string {
  if (value === null) return ',-'
  if (typeof value === 'string') return `,s${value.length}:${value}`
  if (typeof value === 'number') return Object.is(value, -0) ? ',n-0' : `,n${value}`
  if (typeof value === 'object') return `,x${Buffer.from(value).toString('hex')}`
  return `,${typeof value === 'bigint' ? 'i' : 'b'}${value}`
}
