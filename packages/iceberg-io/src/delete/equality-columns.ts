import type { ColumnView } from '@icebridge/columnar'
import {
  currentSchema,
  type DataFile,
  nameMappingProperty,
  type MappedField,
  type NestedField,
  type Schema,
  serializeNameMapping,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import type { KeyColumn } from './row-keys.ts'

/** A column of equality deletes: the fields from the top-level column down to it, through structs only. */
export type EqualityColumn = readonly [NestedField, ...NestedField[]]

/**
 * The columns that a delete file compares by. A column that was dropped is found in an earlier schema: it counts as long
 * as the deletes do.
 *
 * @throws IcebergIoError `malformed-file` naming the file when it has no ids, or one that no schema has.
 * @see https://iceberg.apache.org/spec/#equality-delete-files
 */
export function equalityColumns(
  file: DataFile,
  { schema, metadata }: { readonly schema: Schema; readonly metadata: TableMetadata },
): readonly EqualityColumn[] {
  const ids = file.equalityIds ?? []
  if (ids.length === 0) throw malformed(file, 'has no equality_ids in its manifest')
  const others = metadata.schemas.toSorted((a, b) => b.schemaId - a.schemaId)
  return ids.map((id) => {
    for (const { fields } of [schema, currentSchema(metadata), ...others]) {
      const path = pathTo(fields, id)
      if (path !== undefined) return path
    }
    throw malformed(file, `compares by field ${id}, which no schema of the table has`)
  })
}

/** The top-level fields to read for columns, each once, with no more of a struct than is needed; a row without one is null. */
export function fieldsToRead(columns: readonly EqualityColumn[]): readonly NestedField[] {
  const byTop = Map.groupBy(columns, ([top]) => top.id)
  return [...byTop.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return []
    return others.length === 0 ? [pruned(first)] : [{ ...first[0], required: false }]
  })
}

function pruned([field, ...below]: EqualityColumn): NestedField {
  const [child, ...rest] = below
  if (child === undefined) return { ...field, required: false }
  return { ...field, required: false, type: { kind: 'struct', fields: [pruned([child, ...rest])] } }
}

/** What a row has in an equality column, given the view of its top-level column, read as `top`. */
export function keyColumn([, ...below]: EqualityColumn, top: NestedField, view: ColumnView): KeyColumn {
  const around: ColumnView[] = []
  let [field, at] = [top, view]
  for (const { id } of below) {
    if (at.kind !== 'struct' || typeof field.type !== 'object' || field.type.kind !== 'struct') {
      throw new TypeError(`${field.name} is a struct`)
    }
    const index = field.type.fields.findIndex((child) => child.id === id)
    const [child, inside] = [field.type.fields[index], at.fields[index]]
    if (child === undefined || inside === undefined) throw new TypeError(`${field.name} has a field ${id}`)
    around.push(at)
    ;[field, at] = [child, inside]
  }
  return { view: at, around }
}

/** Table properties with which a delete file that carries no field ids is read: the table's mapping, else plain names. */
export function namesOf(
  fields: readonly NestedField[],
  properties: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (properties[nameMappingProperty] !== undefined) return properties
  return { ...properties, [nameMappingProperty]: serializeNameMapping(fields.map(mapped)) }
}

function mapped(field: NestedField): MappedField {
  const { type } = field
  const below = typeof type === 'object' && type.kind === 'struct' ? type.fields.map(mapped) : []
  return { names: [field.name], fieldId: field.id, fields: below }
}

/** The fields from a column down to the one with that id, through structs only. */
export function pathTo(fields: readonly NestedField[], id: number): EqualityColumn | undefined {
  for (const field of fields) {
    if (field.id === id) return [field]
    if (typeof field.type === 'string' || field.type.kind !== 'struct') continue
    const rest = pathTo(field.type.fields, id)
    if (rest !== undefined) return [field, ...rest]
  }
  return undefined
}

function malformed(file: DataFile, what: string): IcebergIoError {
  return new IcebergIoError('malformed-file', `the equality delete file ${file.filePath} ${what}`, {
    context: { file: file.filePath },
    hint: 'It was written by a faulty tool; rewrite the table’s deletes with that tool’s newer version.',
  })
}
