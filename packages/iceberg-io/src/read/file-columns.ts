import {
  nameMappingProperty,
  parseNameMapping,
  type ListType,
  type MapType,
  type MappedField,
  type NestedField,
  type Type,
} from '@icebridge/iceberg-core'
import type { SchemaTree } from 'hyparquet'
import { IcebergIoError } from '../errors.ts'

/** Where a field's values are in a file: a leaf, or a group whose parts are found in turn. Undefined parts are absent from the file. */
export type FileColumn =
  | { readonly kind: 'leaf'; readonly path: readonly SchemaTree[] }
  | {
      readonly kind: 'struct'
      readonly path: readonly SchemaTree[]
      readonly fields: readonly (FileColumn | undefined)[]
    }
  | {
      readonly kind: 'list'
      readonly path: readonly SchemaTree[]
      /** The node that repeats; the element is it or its child. */
      readonly repeated: readonly SchemaTree[]
      readonly element: FileColumn
    }
  | {
      readonly kind: 'map'
      readonly path: readonly SchemaTree[]
      readonly repeated: readonly SchemaTree[]
      readonly key: FileColumn
      readonly value: FileColumn
    }

/** How fields are told apart in a file: by the ids it carries, or by the table's name mapping. */
export interface FieldNames {
  readonly mapping: readonly MappedField[] | undefined
}

/**
 * @throws IcebergIoError `unsupported-file` when the file carries no field ids and the table has no name mapping.
 * @see https://iceberg.apache.org/spec/#column-projection
 */
export function fieldNames(root: SchemaTree, properties: Readonly<Record<string, string>>, file: string): FieldNames {
  if (hasIds(root)) return { mapping: undefined }
  const text = properties[nameMappingProperty]
  if (text !== undefined) return { mapping: parseNameMapping(text) }
  if (root.children.length === 0) return { mapping: undefined }
  throw new IcebergIoError('unsupported-file', `${file} carries no field ids and the table has no name mapping`, {
    context: { file },
    hint: `Set the table property ${nameMappingProperty}.`,
  })
}

/** Finds a field among the children of a group; undefined when the file does not have it. */
export function findColumn(
  field: NestedField,
  group: readonly SchemaTree[],
  names: FieldNames,
  file: string,
): FileColumn | undefined {
  const parent = group[group.length - 1]
  const mapped = names.mapping?.find((candidate) => candidate.fieldId === field.id)
  const node = parent?.children.find((child) =>
    names.mapping === undefined ? child.element.field_id === field.id : mapped?.names.includes(child.element.name),
  )
  if (node === undefined) return undefined
  const below: FieldNames = { mapping: names.mapping === undefined ? undefined : (mapped?.fields ?? []) }
  return columnAt(field.type, [...group, node], below, file)
}

function columnAt(type: Type, path: readonly SchemaTree[], names: FieldNames, file: string): FileColumn {
  const node = path[path.length - 1]
  if (node === undefined) throw new TypeError('a column has a path')
  if (typeof type === 'string' || (type.kind !== 'struct' && type.kind !== 'list' && type.kind !== 'map')) {
    if (node.children.length > 0 || node.element.repetition_type === 'REPEATED') throw notAs(node, 'a primitive', file)
    return { kind: 'leaf', path }
  }
  switch (type.kind) {
    case 'struct':
      if (node.children.length === 0) throw notAs(node, 'a struct', file)
      return { kind: 'struct', path, fields: type.fields.map((field) => findColumn(field, path, names, file)) }
    case 'list':
      return listAt(type, path, names, file)
    case 'map':
      return mapAt(type, path, names, file)
  }
}

/**
 * Three-level lists, and the older forms with two.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists
 */
function listAt(type: ListType, path: readonly SchemaTree[], names: FieldNames, file: string): FileColumn {
  const node = path[path.length - 1]
  const below: FieldNames = {
    mapping: names.mapping?.find((m) => m.fieldId === type.elementId)?.fields ?? names.mapping,
  }
  const repeated = node?.element.repetition_type === 'REPEATED' ? node : node?.children[0]
  if (node === undefined || repeated?.element.repetition_type !== 'REPEATED') throw notAs(node, 'a list', file)
  const repeatedPath = repeated === node ? path : [...path, repeated]
  const { name } = repeated.element
  const isElement =
    repeated.children.length !== 1 || repeated === node || name === 'array' || name === `${node.element.name}_tuple`
  const child = repeated.children[0]
  const elementPath = isElement || child === undefined ? repeatedPath : [...repeatedPath, child]
  const leafElement = isElement && repeated.children.length === 0
  const element: FileColumn = leafElement
    ? { kind: 'leaf', path: elementPath }
    : columnAt(type.element, elementPath, below, file)
  return { kind: 'list', path, repeated: repeatedPath, element }
}

function mapAt(type: MapType, path: readonly SchemaTree[], names: FieldNames, file: string): FileColumn {
  const node = path[path.length - 1]
  const repeated = node?.children[0]
  const [key, value] = repeated?.children ?? []
  if (repeated?.element.repetition_type !== 'REPEATED' || key === undefined || value === undefined) {
    throw notAs(node, 'a map', file)
  }
  const below = (id: number): FieldNames => ({
    mapping: names.mapping?.find((m) => m.fieldId === id)?.fields ?? names.mapping,
  })
  return {
    kind: 'map',
    path,
    repeated: [...path, repeated],
    key: columnAt(type.key, [...path, repeated, key], below(type.keyId), file),
    value: columnAt(type.value, [...path, repeated, value], below(type.valueId), file),
  }
}

function hasIds(node: SchemaTree): boolean {
  return node.element.field_id !== undefined || node.children.some(hasIds)
}

function notAs(node: SchemaTree | undefined, kind: string, file: string): IcebergIoError {
  const column = node?.path.join('.') ?? ''
  return new IcebergIoError('malformed-file', `${file}: column ${column} is not stored as ${kind}`, {
    context: { file, column },
  })
}
