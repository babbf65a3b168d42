import { SYNC_OP, SYNC_SEQ } from '@icebridge/journal'
import type { BulkColumn, BulkTarget } from '@icebridge/sqlserver'
import type { Schema } from 'apache-arrow'
import { ImportError } from './errors.ts'
import type { StageColumn } from './stage.ts'
import { stageTable } from './stage.ts'

/**
 * How the columns of a journal's batches fill the stage: each value with the companions that the batches have of it
 * (100 ns digit, offset, variant type), so that the exact value is whole again.
 * @throws {ImportError} `malformed-unit` when a column that the plan writes is not in the batches.
 */
export function bulkTarget(columns: readonly StageColumn[], schema: Schema): BulkTarget {
  const names = new Set(schema.fields.map((field) => field.name))
  const missing = columns.filter((column) => !names.has(column.source)).map((column) => column.source)
  if (missing.length > 0) {
    throw new ImportError('malformed-unit', `the journal's rows have no column ${missing.join(', ')}`, {
      hint: 'Make the plan again from the definition that the journal records now.',
      context: { columns: missing.join(', ') },
    })
  }
  return {
    table: stageTable,
    columns: [...columns.map((column) => bulkColumn(column, names)), sequence, operation],
    options: { lockTable: true, keepNulls: true },
  }
}

const sequence: BulkColumn = { name: 'seq', type: { name: 'bigint' }, nullable: false, from: { value: SYNC_SEQ } }

const operation: BulkColumn = {
  name: 'op',
  type: { name: 'nvarchar', length: 6 },
  nullable: false,
  from: { value: SYNC_OP },
}

function bulkColumn(column: StageColumn, names: ReadonlySet<string>): BulkColumn {
  const companion = (role: 'ns100' | 'offset' | 'variant'): Partial<Record<typeof role, string>> => {
    const name = `_sync_${role}_${column.source}`
    return names.has(name) ? { [role]: name } : {}
  }
  return {
    name: column.name,
    type: column.wireType,
    nullable: column.nullable,
    from: { value: column.source, ...companion('ns100'), ...companion('offset'), ...companion('variant') },
  }
}
