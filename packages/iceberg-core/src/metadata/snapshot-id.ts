import type { Environment } from '../port/environment.ts'
import { fromBigEndian } from '../value/decimal.ts'
import { uuidToBytes } from '../value/uuid.ts'
import { IcebergError } from '../errors.ts'
import { snapshotById, type TableMetadata } from './table-metadata.ts'

/** A snapshot id from a random UUID: both halves joined, positive, 63 bits. */
export function createSnapshotId(uuid: string): bigint {
  const bytes = uuidToBytes(uuid)
  if (bytes === undefined) throw new IcebergError('invalid-argument', 'a snapshot id is made from a UUID', {})
  const joined = fromBigEndian(bytes.subarray(0, 8)) ^ fromBigEndian(bytes.subarray(8))
  return BigInt.asUintN(63, joined) || 1n
}

/** A snapshot id that the table does not have. */
export function freshSnapshotId(metadata: TableMetadata, environment: Environment): bigint {
  for (;;) {
    const id = environment.randomSnapshotId?.() ?? createSnapshotId(environment.uuid())
    if (snapshotById(metadata, id) === undefined) return id
  }
}
