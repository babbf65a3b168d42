import { currentSchema, type TableMetadata } from '@icebridge/iceberg-core'
import type { ColumnDefinition, TableDefinition } from '@icebridge/sqlserver'
import { parseColumns, type RecordedColumns } from './columns-json.ts'
import { JournalError } from './errors.ts'
import { journalProperty, journalVersion } from './names.ts'
import { parseKeys, parseTable } from './table-json.ts'

/** A source column as the journal has it. */
export interface JournalColumn {
  readonly name: string
  readonly fieldId: number
  readonly definition: ColumnDefinition
  /** Fields that hold what the main one cannot: the 100 ns digit, the offset, the variant's base type. */
  readonly companions: readonly {
    readonly role: 'ns100' | 'offset' | 'variant'
    readonly name: string
    readonly fieldId: number
  }[]
  /** The source has it no longer. */
  readonly dropped: boolean
  /** A column of the same source name, with a type that Iceberg does not promote this one to, took its place. */
  readonly retired: boolean
}

/** What is recorded in a journal's properties, checked against its schema. */
export interface JournalRecord {
  readonly columns: readonly JournalColumn[]
  readonly recorded: RecordedColumns
  /** The source table as it was last seen: the columns that it has, and its keys. Its row count is not known: 0. */
  readonly definition: TableDefinition
}

/** @throws {JournalError} `not-a-journal` or `newer-version`. */
export function journalRecord(metadata: TableMetadata, label: string): JournalRecord {
  const { properties } = metadata
  const version = properties[journalProperty.version]
  const columns = properties[journalProperty.columns]
  const key = properties[journalProperty.key]
  const table = properties[journalProperty.table]
  if (version === undefined || columns === undefined || key === undefined || table === undefined) {
    throw new JournalError('not-a-journal', `table ${label} was not made by icebridge: it lacks its table properties`, {
      hint: 'Choose another namespace for the journals, or rename the table that is in the way.',
      context: { table: label },
    })
  }
  if (!/^\d+$/.test(version) || Number(version) > journalVersion) {
    throw new JournalError(
      'newer-version',
      `journal ${label} has the layout version ${version}; this is ${journalVersion}`,
      {
        hint: 'Use the newer icebridge that made it.',
        context: { table: label, version },
      },
    )
  }
  const recorded = parseColumns(columns)
  const all = columnsOf(metadata, recorded, label)
  return {
    columns: all,
    recorded,
    definition: {
      ...parseTable(table),
      columns: all
        .filter((column) => !column.dropped && !column.retired)
        .map(({ definition }) => definition)
        .toSorted((a, b) => a.ordinal - b.ordinal),
      keys: parseKeys(key),
    },
  }
}

function columnsOf(metadata: TableMetadata, recorded: RecordedColumns, label: string): readonly JournalColumn[] {
  const names = new Map(currentSchema(metadata).fields.map((field) => [field.id, field.name]))
  const nameOf = (fieldId: number): string => {
    const name = names.get(fieldId)
    if (name !== undefined) return name
    throw new JournalError('not-a-journal', `journal ${label} has no field ${fieldId}, which its properties describe`, {
      hint: 'A column was dropped by hand. Roll the schema back: a journal keeps every column.',
      context: { table: label, fieldId },
    })
  }
  return recorded.fields.flatMap((field) =>
    field.role !== 'value'
      ? []
      : [
          {
            name: nameOf(field.fieldId),
            fieldId: field.fieldId,
            definition: field.definition,
            companions: recorded.fields.flatMap((other) =>
              other.role !== 'value' && other.of === field.fieldId
                ? [{ role: other.role, name: nameOf(other.fieldId), fieldId: other.fieldId }]
                : [],
            ),
            dropped: field.dropped === true,
            retired: field.retired === true,
          },
        ],
  )
}
