import type { SqlValue } from '@icebridge/sqlserver'
import type { AppliedPosition } from '@icebridge/journal'
import { appliedVersion } from './applied-position.ts'
import { ImportError } from './errors.ts'

export type Row = Readonly<Record<string, SqlValue>>

/** The position in a row of `icebridge.applied`; undefined without a row. @throws {ImportError} `newer-version` */
export function positionOf(row: Row | undefined, tableKey: string): AppliedPosition | undefined {
  if (row === undefined || row['table_uuid'] === null) return undefined
  if (Number(row['version'] ?? appliedVersion) > appliedVersion) {
    throw new ImportError('newer-version', `the applied position of ${tableKey} was written by a newer icebridge`, {
      hint: 'Upgrade icebridge here to the version that runs elsewhere.',
      context: { tableKey },
    })
  }
  return {
    tableUuid: String(row['table_uuid']).toLowerCase(),
    snapshotId: bigintOf(row, 'snapshot_id'),
    sequence: bigintOf(row, 'sequence'),
  }
}

/** A bigint column of a row. @throws {ImportError} `statement-failed` when the answer has another shape. */
export function bigintOf(row: Row, name: string): bigint {
  const value = row[name]
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw new ImportError('statement-failed', `the target answered without a bigint in ${name}`, {
    hint: 'The target is not a SQL Server that this version knows.',
  })
}
