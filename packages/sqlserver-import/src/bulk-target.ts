import { SYNC_OP, SYNC_SEQ } from '@icebridge/journal'
import type { BulkColumn, BulkTarget } from '@icebridge/sqlserver'
import type { Schema } from 'apache-arrow'
import { ImportError } from './errors.ts'
import { keepTable } from './keep.ts'
import type { BulkSettings } from './bulk-settings.ts'
import { isUnicode } from './sql-type.ts'
import type { StageColumn } from './stage.ts'
import { stageTable } from './stage.ts'

/**
 * How the columns of a journal's batches fill the stage: each value with the companions that the batches have of it
 * (100 ns digit, offset, variant type), so that the exact value is whole again. `target` is what messages speak of.
 * @throws {ImportError} `malformed-unit` when a column that the plan writes is not in the batches.
 */
export function bulkTarget(columns: readonly StageColumn[], schema: Schema, target: string): BulkTarget {
  const names = namesIn(schema, columns)
  return {
    table: stageTable,
    label: target,
    columns: [...columns.flatMap((column) => bulkColumns(column, names)), sequence, operation],
    key: keyOf(columns),
    options: { lockTable: true, keepNulls: true },
  }
}

/** How they fill the target itself, which has none of the bookkeeping. @throws {ImportError} as {@link bulkTarget}. */
export function straightTarget(
  columns: readonly StageColumn[],
  schema: Schema,
  options: { readonly target: string; readonly bulk: BulkSettings },
): BulkTarget {
  const names = namesIn(schema, columns)
  const { lockTable = true, checkConstraints = true, fireTriggers = false } = options.bulk
  return {
    table: options.target,
    columns: columns.flatMap((column) =>
      bulkColumns({ ...column, name: column.target.name, nullable: column.target.nullable }, names),
    ),
    key: keyOf(columns),
    options: { lockTable, checkConstraints, fireTriggers, keepNulls: true },
  }
}

/** How a reload's keys fill the table of them. @throws {ImportError} as {@link bulkTarget}. */
export function keepTarget(keys: readonly StageColumn[], schema: Schema, target: string): BulkTarget {
  const names = namesIn(schema, keys)
  return {
    table: keepTable,
    label: target,
    columns: keys.flatMap((column) => bulkColumns(column, names)),
    key: keyOf(keys),
    options: { lockTable: true, keepNulls: true },
  }
}

function namesIn(schema: Schema, columns: readonly StageColumn[]): ReadonlySet<string> {
  const names = new Set(schema.fields.map((field) => field.name))
  const missing = columns.flatMap(sourcesOf).filter((name) => !names.has(name))
  if (missing.length === 0) return names
  throw new ImportError('malformed-unit', `the journal's rows have no column ${missing.join(', ')}`, {
    hint: 'Make the plan again from the definition that the journal records now.',
    context: { columns: missing.join(', ') },
  })
}

function keyOf(columns: readonly StageColumn[]): readonly string[] {
  return columns.filter(({ key }) => key).map(({ source }) => source)
}

const sequence: BulkColumn = { name: 'seq', type: { name: 'bigint' }, nullable: false, from: { value: SYNC_SEQ } }

const operation: BulkColumn = {
  name: 'op',
  type: { name: 'nvarchar', length: 6 },
  nullable: false,
  from: { value: SYNC_OP },
}

function sourcesOf({ source, variant }: StageColumn): readonly string[] {
  return variant === undefined ? [source] : [source, variantCompanion(source)]
}

function variantCompanion(source: string): string {
  return `_sync_variant_${source}`
}

/** What the server would replace on the way into a code page is refused; of a narrower column it is looked at in the stage. */
function codePage({ type, collation, narrowing }: StageColumn): Pick<BulkColumn, 'collation'> {
  return narrowing !== undefined || collation === undefined || isUnicode(type) ? {} : { collation }
}

function bulkColumns(column: StageColumn, names: ReadonlySet<string>): readonly BulkColumn[] {
  const { source, variant } = column
  if (variant !== undefined) {
    return [
      {
        name: variant.text,
        label: column.target.name,
        type: { name: 'nvarchar', length: 'max' },
        nullable: true,
        from: { value: source },
      },
      {
        name: variant.base,
        label: column.target.name,
        type: { name: 'nvarchar', length: 200 },
        nullable: true,
        from: { value: variantCompanion(source) },
      },
    ]
  }
  const companion = (role: 'ns100' | 'offset'): Partial<Record<typeof role, string>> => {
    const name = `_sync_${role}_${source}`
    return names.has(name) ? { [role]: name } : {}
  }
  return [
    {
      name: column.narrowing?.wide ?? column.name,
      label: column.target.name,
      type: column.narrowing?.wideType ?? column.wireType,
      ...codePage(column),
      nullable: column.nullable,
      from: { value: source, ...companion('ns100'), ...companion('offset') },
    },
  ]
}
