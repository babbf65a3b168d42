import { formatType, type CreateTable, type NestedField } from '@icebridge/iceberg-core'
import type { ColumnDefinition, ReadColumn, TableDefinition } from '@icebridge/sqlserver'
import { formatSqlType, readColumns } from '@icebridge/sqlserver'
import { bookkeepingFields, syncAtId, syncSeqId } from './bookkeeping-fields.ts'
import { serializeColumns, type RecordedField } from './columns-json.ts'
import { serializeKeys, serializeTable } from './table-json.ts'
import type { PlanProblem } from './errors.ts'
import { icebergTypeOf, lossOf, type TypeOptions } from './iceberg-type.ts'
import { tableLabel } from './layout.ts'
import { journalProperty, journalVersion, reservedPrefix, SYNC_AT, SYNC_SEQ } from './names.ts'

export interface PlanOptions extends TypeOptions {
  /** 2 when absent. */
  readonly formatVersion?: 2 | 3 | undefined
  /** Further table properties of the journal. */
  readonly properties?: Readonly<Record<string, string>> | undefined
}

/** What becomes of one source column in the journal. */
export interface JournalColumnPlan {
  readonly column: ColumnDefinition
  /** `loses`: by a declared choice, see `loss`. `refused`: there is a problem that names it. */
  readonly verdict: 'exact' | 'loses' | 'refused'
  readonly loss?: string
  /** What a person may want to know before the table is made. */
  readonly note?: string
  readonly sqlType: string
  readonly icebergType: string
  /** What is read from the source: the value and its companions. Empty when refused. */
  readonly reads: readonly ReadColumn[]
  /** The journal's fields, in the order of `reads`. Their ids are those of the table that {@link JournalPlan.create} makes. */
  readonly fields: readonly NestedField[]
}

export interface JournalPlan {
  readonly definition: TableDefinition
  readonly options: PlanOptions
  readonly columns: readonly JournalColumnPlan[]
  /** What a batch of the source's rows holds: every column's reads, in order. */
  readonly reads: readonly ReadColumn[]
  readonly create: CreateTable
  /** All of them; nothing may be written while there is one. */
  readonly problems: readonly PlanProblem[]
}

/** Names that Iceberg's readers give to columns of their own. @see https://iceberg.apache.org/spec/#reserved-field-ids */
const metadataColumns: ReadonlySet<string> = new Set([
  '_file',
  '_pos',
  '_deleted',
  '_spec_id',
  '_partition',
  '_row_id',
  '_last_updated_sequence_number',
  '_change_type',
  '_change_ordinal',
  '_commit_snapshot_id',
  'file_path',
  'pos',
])

/** The journal of a source table: its columns, its table properties and what stands against it. Pure; never throws. */
export function planJournal(definition: TableDefinition, options: PlanOptions = {}): JournalPlan {
  const problems = columnProblems(definition)
  const planned = definition.columns.map((column) => planColumn(definition, column, options))
  const columns = assignIds(planned.map(({ plan }) => plan))
  const all = [...problems, ...planned.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))]
  return {
    definition,
    options,
    columns,
    reads: columns.flatMap((column) => column.reads),
    create: createTable(definition, columns, options),
    problems: all,
  }
}

/** How a column's values and companions stand in the journal, field ids aside. */
export function fieldsOf(
  column: ColumnDefinition,
  options: TypeOptions,
): readonly { read: ReadColumn; field: NestedField }[] {
  const type = icebergTypeOf(column.type, options)
  if (type === undefined) return []
  const sqlType = formatSqlType(column.type)
  return readColumns(column)
    .filter((read) => !(read.role === 'ns100' && options.timestamps === 'micros'))
    .map((read) => ({
      read,
      field: {
        id: 0,
        name: read.name,
        required: false,
        type: read.role === 'value' ? type : read.role === 'variant' ? 'string' : 'int',
        doc: read.role === 'value' ? sqlType : companionDoc(read.role, column.name, sqlType),
      },
    }))
}

function companionDoc(role: 'ns100' | 'offset' | 'variant', name: string, sqlType: string): string {
  switch (role) {
    case 'ns100':
      return `100 ns digit, 0 to 9, of ${name} ${sqlType}`
    case 'offset':
      return `offset from UTC in minutes of ${name} ${sqlType}`
    case 'variant':
      return `base type of ${name} ${sqlType}`
  }
}

function planColumn(
  definition: TableDefinition,
  column: ColumnDefinition,
  options: PlanOptions,
): { readonly plan: JournalColumnPlan; readonly problem?: PlanProblem } {
  const type = icebergTypeOf(column.type, options)
  if (type === undefined) {
    const sqlType = String(column.type.name)
    return {
      plan: { column, verdict: 'refused', sqlType, icebergType: '', reads: [], fields: [] },
      problem: {
        code: 'unsupported-type',
        table: tableLabel(definition.table),
        column: column.name,
        message: `column ${column.name} of ${tableLabel(definition.table)} has the type ${sqlType}, which has no place in the lake`,
        hint: 'Leave the column out, or give the source a view or computed column of a supported type.',
      },
    }
  }
  const sqlType = formatSqlType(column.type)
  const fields = fieldsOf(column, options)
  const loss = lossOf(column.type, options)
  const note =
    type === 'time' ? 'Spark reads no table with a time column; `time: micros` stores it as a long' : undefined
  return {
    plan: {
      column,
      verdict: loss === undefined ? 'exact' : 'loses',
      ...(loss === undefined ? {} : { loss }),
      ...(note === undefined ? {} : { note }),
      sqlType,
      icebergType: formatType(type),
      reads: fields.map(({ read }) => read),
      fields: fields.map(({ field }) => field),
    },
  }
}

/** Bookkeeping, source columns, companions: ids from 1 in that order, which is how fresh ids are assigned to a flat schema. */
function assignIds(columns: readonly JournalColumnPlan[]): readonly JournalColumnPlan[] {
  let next = bookkeepingFields.length + 1
  const ids = new Map<NestedField, number>()
  for (const companions of [false, true]) {
    for (const column of columns) {
      column.fields.forEach((field, index) => {
        if ((column.reads[index]?.role !== 'value') === companions) ids.set(field, next++)
      })
    }
  }
  return columns.map((column) => ({
    ...column,
    fields: column.fields.map((field) => ({ ...field, id: ids.get(field) ?? 0 })),
  }))
}

function createTable(
  definition: TableDefinition,
  columns: readonly JournalColumnPlan[],
  options: PlanOptions,
): CreateTable {
  const fields = [...bookkeepingFields, ...columns.flatMap((column) => column.fields).toSorted((a, b) => a.id - b.id)]
  const recorded = columns.flatMap((plan) =>
    plan.fields.map((field, index): RecordedField => {
      const read = plan.reads[index]
      return read === undefined || read.role === 'value'
        ? { fieldId: field.id, role: 'value', definition: plan.column }
        : { fieldId: field.id, role: read.role, of: plan.fields[0]?.id ?? 0 }
    }),
  )
  return {
    schema: { schemaId: 0, fields, identifierFieldIds: [] },
    partitionSpec: {
      specId: 0,
      fields: [{ sourceIds: [syncAtId], fieldId: 1000, name: `${SYNC_AT}_day`, transform: { kind: 'day' } }],
    },
    sortOrder: {
      orderId: 1,
      fields: [{ sourceIds: [syncSeqId], transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' }],
    },
    properties: {
      ...bloomsOfKey(definition, columns),
      ...options.properties,
      [`write.metadata.metrics.column.${SYNC_SEQ}`]: 'full',
      [journalProperty.version]: String(journalVersion),
      [journalProperty.columns]: serializeColumns({
        timestamps: options.timestamps ?? 'exact',
        time: options.time ?? 'time',
        fields: recorded,
      }),
      [journalProperty.key]: serializeKeys(definition.keys),
      [journalProperty.table]: serializeTable(definition),
    },
    formatVersion: options.formatVersion ?? 2,
  }
}

/** Share of absent keys that a filter takes for present: at six to twelve bits a key. */
const FALSE_POSITIVES = '0.05'

/**
 * Bloom filters on the columns of the primary key, by which readers find the versions of one key. Booleans and floating numbers have none.
 *
 * @see https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
function bloomsOfKey(
  definition: TableDefinition,
  columns: readonly JournalColumnPlan[],
): Readonly<Record<string, string>> {
  const key = definition.keys.find(({ kind }) => kind === 'primary-key')
  const names = new Set(key?.columns.map(({ name }) => name))
  const fields = columns.flatMap(({ column, fields: [field] }) =>
    names.has(column.name) && field !== undefined ? [field] : [],
  )
  return Object.fromEntries(
    fields
      .filter(({ type }) => type !== 'boolean' && type !== 'float' && type !== 'double')
      .flatMap(({ name }) => [
        [`write.parquet.bloom-filter-enabled.column.${name}`, 'true'],
        [`write.parquet.bloom-filter-fpp.column.${name}`, FALSE_POSITIVES],
      ]),
  )
}

function columnProblems(definition: TableDefinition): PlanProblem[] {
  const table = tableLabel(definition.table)
  const problems: PlanProblem[] = []
  const seen = new Map<string, string>()
  for (const { name } of definition.columns) {
    const lower = name.toLowerCase()
    if (lower.startsWith(reservedPrefix) || metadataColumns.has(lower)) {
      problems.push({
        code: 'reserved-column',
        table,
        column: name,
        message: lower.startsWith(reservedPrefix)
          ? `column ${name} of ${table} begins with ${reservedPrefix}, which is kept for icebridge's own columns`
          : `column ${name} of ${table} has the name of an Iceberg metadata column`,
        hint: 'Rename the column in the source, or leave it out.',
      })
    }
    const other = seen.get(lower)
    if (other !== undefined) {
      problems.push({
        code: 'column-collision',
        table,
        column: name,
        message: `columns ${other} and ${name} of ${table} differ only in case`,
        hint: 'Many engines ignore case in column names. Rename or leave out one of the two.',
      })
    }
    seen.set(lower, name)
  }
  return problems
}
