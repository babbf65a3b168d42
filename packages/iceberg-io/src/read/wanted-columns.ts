import {
  formatIdentifier,
  IcebergError,
  type NestedField,
  type Schema,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { metadataColumns } from './metadata-values.ts'
import { mergeFields, projectPath } from './projection.ts'

/** A column to read: one of the table's, or one that its metadata gives. */
export interface WantedColumn {
  readonly field: NestedField
  readonly isMetadata: boolean
}

/** All columns of a schema. */
export function tableColumns(schema: Schema): readonly WantedColumn[] {
  return schema.fields.map((field) => ({ field, isMetadata: false }))
}

/**
 * The columns with these names or dotted paths, the table's own first. Parts of one struct are one column.
 *
 * @throws IcebergError `no-such-column`.
 */
export function wantedColumns(table: TableHandle, schema: Schema, names: readonly string[]): readonly WantedColumn[] {
  const known = metadataColumns(table.loaded.metadata)
  const wanted = names.map((name): WantedColumn => {
    const field = projectPath(schema, name)
    if (field !== undefined) return { field, isMetadata: false }
    const metadataField = known.find((candidate) => candidate.name === name)
    if (metadataField !== undefined) return { field: metadataField, isMetadata: true }
    throw noSuchColumn(table, schema, name)
  })
  return joinParts(wanted)
}

export function noSuchColumn(table: TableHandle, schema: Schema, name: string): IcebergError {
  return new IcebergError('no-such-column', `the table has no column ${name}`, {
    context: { column: name, table: formatIdentifier(table.identifier) },
    hint: `Columns are: ${schema.fields.map((field) => field.name).join(', ')}`,
  })
}

/** Several parts of one struct are one column, in the place of the first. */
function joinParts(wanted: readonly WantedColumn[]): readonly WantedColumn[] {
  const joined: WantedColumn[] = []
  for (const column of wanted) {
    const at = joined.findIndex(({ field, isMetadata }) => field.id === column.field.id && !isMetadata)
    const known = joined[at]
    const [both] = known === undefined ? [] : mergeFields([known.field], [column.field])
    if (known === undefined || both === undefined || known.field === column.field) joined.push(column)
    else joined[at] = { field: both, isMetadata: false }
  }
  return joined
}
