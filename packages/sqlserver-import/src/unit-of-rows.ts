import { BatchBuilder } from '@icebridge/columnar'
import type { ColumnBuilder, ColumnField } from '@icebridge/columnar'
import { SYNC_OP, SYNC_SEQ } from '@icebridge/journal'
import type { JournalUnit } from '@icebridge/journal'
import { readColumns } from '@icebridge/sqlserver'
import type { TableDefinition } from '@icebridge/sqlserver'

/** One row version of a unit. Values are what the column's builder takes; a column that is left out is NULL. */
export interface UnitRow {
  readonly op: 'insert' | 'update' | 'upsert' | 'delete'
  readonly values: Readonly<Record<string, UnitValue>>
}
export type UnitValue = null | boolean | number | bigint | string | Uint8Array

export interface UnitOptions {
  /** The first sequence number. */
  readonly from: bigint
  readonly snapshotId?: bigint
  /** By default 1000. */
  readonly rowsPerBatch?: number
  /** The unit ends a reload of these rows: what it does not contain goes. */
  readonly reload?: readonly UnitRow[]
}

export const testTableUuid = '6b1f0c52-3d5e-4b7a-9c1d-2e3f4a5b6c7d'

/** A unit as the journal cuts it: rows numbered upwards from `from`, in batches that can be iterated again. */
export function unitOfRows(definition: TableDefinition, rows: readonly UnitRow[], options: UnitOptions): JournalUnit {
  const fields: readonly ColumnField[] = [
    { name: SYNC_SEQ, type: { kind: 'int64' }, nullable: false },
    { name: SYNC_OP, type: { kind: 'string' }, nullable: false },
    ...definition.columns.flatMap((column) => readColumns(column).map(({ field }) => ({ ...field, nullable: true }))),
  ]
  const perBatch = options.rowsPerBatch ?? 1000
  const batchesOf = async function* (all: readonly UnitRow[], from: bigint) {
    for (let start = 0; start < all.length; start += perBatch) {
      const builder = new BatchBuilder(fields)
      all.slice(start, start + perBatch).forEach((row, index) => {
        builder.columns.forEach((column, at) => {
          const name = fields[at]?.name ?? ''
          if (name === SYNC_SEQ) append(column, from + BigInt(start + index))
          else if (name === SYNC_OP) append(column, row.op)
          else append(column, row.values[name] ?? null)
        })
      })
      yield builder.finish()
    }
  }
  const to = options.from + BigInt(rows.length) - 1n
  const { reload } = options
  const first = to - BigInt(reload?.length ?? 0) + 1n
  return {
    sequence: { from: options.from, to },
    snapshotId: options.snapshotId ?? options.from,
    rows: rows.length,
    batches: { [Symbol.asyncIterator]: () => batchesOf(rows, options.from) },
    ...(reload === undefined
      ? {}
      : {
          reload: {
            sequence: { from: first, to },
            rows: reload.length,
            keys: () => ({ [Symbol.asyncIterator]: () => batchesOf(reload, first) }),
          },
        }),
  }
}

function append(builder: ColumnBuilder, value: UnitValue): void {
  if (value === null) builder.appendNull()
  // The union of builders takes a value of each one's own type; a wrong one is refused by the builder at run time.
  else (builder as { append(value: UnitValue): void }).append(value)
}
