import { currentSchema } from '@icebridge/iceberg-core'
import type { TableEngine, TableRead } from './table-engines.ts'
import type { WrittenTable } from './written-tables.ts'

/** What an engine cannot read of a correct table. It is asked all the same, and must fail in the way that is known. */
export interface EngineLimit {
  readonly tables: RegExp
  /** Columns that it cannot read; its other columns are compared. Without them the limit concerns whole reads. */
  readonly columns?: readonly string[]
  /** The reads concerned; all of the tables' when absent. */
  readonly reads?: (read: TableRead, table: WrittenTable) => boolean
  /** What it says, or the rows that it finds instead. */
  readonly finds: RegExp
  readonly reason: string
}

const nested = /"x":null|\[\]|"p":null|"a":null/

export const engineLimits: Readonly<Record<TableEngine['name'], readonly EngineLimit[]>> = {
  PyIceberg: [
    { tables: /^variants$/, finds: /Unsupported field type: 'variant'/, reason: 'no type variant' },
    {
      tables: /^equality_deletes/,
      reads: hasDeletes,
      finds: /PyIceberg does not yet support equality deletes/,
      reason: 'no equality deletes',
    },
    {
      tables: /^schema_evolution_nested$/,
      columns: ['l'],
      finds: /"l":\[\].*"l":\[\]/,
      reason: 'a null list comes out empty when its elements changed',
    },
  ],
  DuckDB: [
    {
      tables: /^equality_deletes_partitioned$/,
      reads: hasDeletes,
      finds: /Comparison on NULL values/,
      reason: 'equality deletes of a partition whose value is null',
    },
    {
      tables: /^transform_(day|month)$/,
      reads: isOfTimeBefore1970,
      finds: /^$/,
      reason: 'days and months before 1970 are rounded towards 1970 when partitions are pruned',
    },
    { tables: /^types_new_in_v3$/, finds: /Unrecognized primitive type: timestamptz_ns/, reason: 'no timestamptz_ns' },
    { tables: /^variants$/, columns: ['v'], finds: /Unsupported Arrow type VARIANT/, reason: 'no variants in Arrow' },
  ],
  ClickHouse: [
    {
      tables: /^(types|types_apart|types_v3)$/,
      columns: ['point', 'list', 'map'],
      finds: nested,
      reason: 'structs, lists and maps are never null',
    },
    {
      tables: /^schema_evolution_nested$/,
      columns: ['s', 'l'],
      finds: nested,
      reason: 'structs and lists are never null',
    },
    {
      tables: /^(types|types_apart|types_v3|transform_.*)$/,
      columns: ['time'],
      finds: /"time":"?\d+[",}]/,
      reason: 'times of day count seconds',
    },
    { tables: /^types_new_in_v3$/, finds: /Unknown Iceberg type: unknown/, reason: 'no type unknown' },
    { tables: /^variants$/, finds: /Unknown Iceberg type: variant/, reason: 'no type variant' },
    {
      tables: /^merge_on_read_v3/,
      reads: hasDeletes,
      finds: /Position deletes are supported only for parquet format/,
      reason: 'no deletion vectors',
    },
    {
      tables: /^upgraded$/,
      reads: isOfNewest,
      finds: /Position deletes are supported only for parquet format/,
      reason: 'no deletion vectors',
    },
    {
      tables: /^transform_(year|month|day|hour)$/,
      reads: isOfTimeBefore1970,
      finds: /^$/,
      reason: 'partitions of times before 1970 are pruned wrongly',
    },
    {
      tables: /^transform_(month|day)$/,
      reads: isOfYear9999,
      finds: /^$/,
      reason: 'partitions of times past the range of its Date are pruned wrongly',
    },
    {
      tables: /^initial_defaults$/,
      columns: ['l', 's', 'dec', 'day'],
      finds: /null/,
      reason: 'rows without a column have null instead of its initial default',
    },
    {
      tables: /^transform_identity_of_bytes$/,
      finds: /Cannot parse uuid|UnicodeDecodeError/,
      reason: 'no uuid partitions: the values end up in an error, which itself may not be text',
    },
    {
      tables: /^transform_truncate_of_decimals$/,
      finds: /Second argument must be of native integer type/,
      reason: 'no truncated decimals',
    },
  ],
  'Java Iceberg': [
    {
      tables: /^transform_identity_of_fixed$/,
      finds: /Malformed data\. Length is negative/,
      reason: 'fixed partition values are taken for bytes with a length, against the Avro schema of the manifest',
    },
  ],
}

/** The columns that an engine can read of a table; undefined when that is all of them. */
export function columnsLeft(limits: readonly EngineLimit[], written: WrittenTable): readonly string[] | undefined {
  const names = currentSchema(written.table.loaded.metadata).fields.map(({ name }) => name)
  const left = names.filter(
    (name) => !limits.some((limit) => limit.tables.test(written.name) && limit.columns?.includes(name)),
  )
  return left.length === names.length ? undefined : left
}

/** Reads that are known to fail: each column on its own that an engine cannot read. */
export function limitProbes(limits: readonly EngineLimit[], written: WrittenTable): readonly TableRead[] {
  return limits.flatMap((limit) =>
    limit.tables.test(written.name) ? (limit.columns ?? []).map((column) => ({ columns: [column] })) : [],
  )
}

/** The limit that makes a read fail. */
export function limitOf(
  limits: readonly EngineLimit[],
  written: WrittenTable,
  read: TableRead,
): EngineLimit | undefined {
  // Where whole reads fail, those of one column do too.
  const wholeFirst = limits.toSorted((a, b) => Number(a.columns !== undefined) - Number(b.columns !== undefined))
  return wholeFirst.find((limit) => {
    if (!limit.tables.test(written.name)) return false
    if (limit.columns === undefined) return limit.reads?.(read, written) ?? true
    const { columns = [], ...rest } = read
    return columns.length === 1 && limit.columns.includes(columns[0] ?? '') && Object.keys(rest).length === 0
  })
}

function hasDeletes(read: TableRead, written: WrittenTable): boolean {
  const { metadata } = written.table.loaded
  const id = read.snapshotId ?? read.refSnapshotId ?? String(metadata.currentSnapshotId)
  const snapshot = metadata.snapshots.find(({ snapshotId }) => String(snapshotId) === id)
  return Number(snapshot?.summary['total-delete-files'] ?? 0) > 0
}

function isOfNewest(read: TableRead, written: WrittenTable): boolean {
  const { currentSnapshotId } = written.table.loaded.metadata
  return read.snapshotId === undefined || read.snapshotId === String(currentSnapshotId)
}

function isOfTimeBefore1970(read: TableRead): boolean {
  return timeOf(read) < '1970'
}

function isOfYear9999(read: TableRead): boolean {
  return timeOf(read).startsWith('9999')
}

/** The one time that a read asks for. */
function timeOf(read: TableRead): string {
  const [column, op, literal] = read.where?.[0] ?? []
  return column === 'ts' && op === 'eq' && typeof literal === 'string' ? literal : '~'
}
