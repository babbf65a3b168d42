import type { DataFile } from '../manifest/data-file.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import type { PartitionValue } from '../value/value.ts'
import { toHex } from '../value/hex.ts'

/**
 * The summary of an append: what it adds, and the totals carried on from the parent. A total that the parent does not
 * have is not known and stays away. @see https://iceberg.apache.org/spec/#optional-snapshot-summary-fields
 */
export function appendSummary(
  files: readonly DataFile[],
  parent: Snapshot | undefined,
  extra: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const records = files.reduce((sum, file) => sum + file.recordCount, 0n)
  const bytes = files.reduce((sum, file) => sum + file.fileSizeBytes, 0n)
  const count = BigInt(files.length)
  return {
    operation: 'append',
    ...extra,
    ...(count === 0n ? {} : { 'added-data-files': String(count) }),
    ...(records === 0n ? {} : { 'added-records': String(records) }),
    ...(bytes === 0n ? {} : { 'added-files-size': String(bytes) }),
    'changed-partition-count': String(new Set(files.map(partitionKey)).size),
    ...total('total-records', parent, records),
    ...total('total-files-size', parent, bytes),
    ...total('total-data-files', parent, count),
    ...total('total-delete-files', parent, 0n),
    ...total('total-position-deletes', parent, 0n),
    ...total('total-equality-deletes', parent, 0n),
  }
}

function total(name: string, parent: Snapshot | undefined, added: bigint): Readonly<Record<string, string>> {
  const before = parent === undefined ? '0' : parent.summary[name]
  return before !== undefined && /^\d+$/.test(before) ? { [name]: String(BigInt(before) + added) } : {}
}

function partitionKey(file: DataFile): string {
  return `${file.specId}/${file.partition.map(valueKey).join('/')}`
}

function valueKey(value: PartitionValue): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return `x${toHex(value)}`
  return `${typeof value}:${encodeURIComponent(Object.is(value, -0) ? '-0' : String(value))}`
}
