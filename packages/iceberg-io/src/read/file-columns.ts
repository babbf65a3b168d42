import {
  nameMappingProperty,
  parseNameMapping,
  type ListType,
  type MapType,
  type MappedField,
  type NestedField,
  type Type,
} from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import type { SchemaNode } from '../parquet/schema-tree.ts'

/** Where a field's values are in a file: a leaf, or a group whose parts are found in turn. Undefined parts are absent from the file. */
export type FileColumn =
  | { readonly kind: 'leaf'; readonly node: SchemaNode }
  /** A leaf that holds nothing but nulls, whatever its type. */
  | { readonly kind: 'nulls'; readonly node: SchemaNode }
  | {
      readonly kind: 'struct'
      readonly node: SchemaNode
      readonly fields: readonly (FileColumn | undefined)[]
      /** The leaf whose levels tell which structs are null. */
      readonly witness: SchemaNode
    }
  | {
      readonly kind: 'list'
      readonly node: SchemaNode
      /** The node that repeats; the element is it or its child. */
      readonly repeated: SchemaNode
      readonly element: FileColumn
    }
  | {
      readonly kind: 'map'
      readonly node: SchemaNode
      readonly repeated: SchemaNode
      readonly key: FileColumn
      /** Undefined for a map without values, which are null. */
      readonly value: FileColumn | undefined
    }
  | { readonly kind: 'variant'; readonly node: SchemaNode; readonly metadata: SchemaNode; readonly value: SchemaNode }

/** How fields are told apart in a file: by the ids it carries, or by the table's name mapping. */
export interface FieldNames {
  readonly mapping: readonly MappedField[] | undefined
}

/**
 * @throws IcebergIoError `unsupported-file` when the file carries no field ids and the table has no name mapping.
 * @see https://iceberg.apache.org/spec/#column-projection
 */
export function fieldNames(root: SchemaNode, properties: Readonly<Record<string, string>>, file: string): FieldNames {
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
  group: SchemaNode,
  names: FieldNames,
  file: string,
): FileColumn | undefined {
  if (field.type === 'unknown') return undefined
  const mapped = names.mapping?.find((candidate) => candidate.fieldId === field.id)
  const node = group.children.find((child) =>
    names.mapping === undefined ? child.fieldId === field.id : mapped?.names.includes(child.name),
  )
  if (node === undefined) return undefined
  const below: FieldNames = { mapping: names.mapping === undefined ? undefined : (mapped?.fields ?? []) }
  return columnAt(field.type, node, below, file)
}

/** The leaf whose levels tell where the column's slots are. */
export function witnessOf(column: FileColumn): SchemaNode {
  switch (column.kind) {
    case 'leaf':
    case 'nulls':
      return column.node
    case 'struct':
      return column.witness
    case 'list':
      return witnessOf(column.element)
    case 'map':
      return witnessOf(column.key)
    case 'variant':
      return column.metadata
  }
}

/** The leaves that a column reads. */
export function leavesOf(column: FileColumn | undefined): readonly SchemaNode[] {
  switch (column?.kind) {
    case undefined:
      return []
    case 'leaf':
    case 'nulls':
      return [column.node]
    case 'struct':
      return [column.witness, ...column.fields.flatMap(leavesOf)]
    case 'list':
      return leavesOf(column.element)
    case 'map':
      return [...leavesOf(column.key), ...leavesOf(column.value)]
    case 'variant':
      return [column.metadata, column.value]
  }
}

/** `element` is true for a repeated node that is looked at as the element of its list. */
function columnAt(type: Type, node: SchemaNode, names: FieldNames, file: string, element = false): FileColumn {
  if (typeof type !== 'string') {
    switch (type.kind) {
      case 'struct':
        return structAt(type.fields, node, names, file)
      case 'list':
        return listAt(type, element ? node.children[0] : repeatedOf(node), { node, names, file })
      case 'map':
        return mapAt(type, element ? node.children[0] : repeatedOf(node), { node, names, file })
      case 'variant':
        return variantAt(node, file)
      default:
    }
  }
  if (node.leaf === undefined || (node.repetition === 'repeated' && !element)) throw notAs(node, 'a primitive', file)
  return leafAt(type, node)
}

/** A column of nulls may be stored as any type. */
function leafAt(type: Type, node: SchemaNode): FileColumn {
  return { kind: node.annotation?.kind === 'null' || type === 'unknown' ? 'nulls' : 'leaf', node }
}

interface Place {
  readonly node: SchemaNode
  readonly names: FieldNames
  readonly file: string
}

/** A bare repeated field is a list without a group around it. */
function repeatedOf(node: SchemaNode): SchemaNode | undefined {
  return node.repetition === 'repeated' ? node : node.children[0]
}

function structAt(fields: readonly NestedField[], node: SchemaNode, names: FieldNames, file: string): FileColumn {
  if (node.leaf !== undefined || node.children.length === 0) throw notAs(node, 'a struct', file)
  const found = fields.map((field) => findColumn(field, node, names, file))
  const first = found.find((column) => column !== undefined)
  // When the file has none of the fields asked for, another of the struct's still tells which structs are null.
  const witness = first === undefined ? firstLeaf(node) : witnessOf(first)
  if (witness === undefined) throw notAs(node, 'a struct', file)
  return { kind: 'struct', node, fields: found, witness }
}

/**
 * Three-level lists, and the older forms with two.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#backward-compatibility-rules
 */
function listAt(type: ListType, repeated: SchemaNode | undefined, place: Place): FileColumn {
  const { node, names, file } = place
  const below: FieldNames = {
    mapping: names.mapping?.find((m) => m.fieldId === type.elementId)?.fields ?? names.mapping,
  }
  if (repeated?.repetition !== 'repeated') throw notAs(node, 'a list', file)
  const [child] = repeated.children
  const isElement = child === undefined || repeated === node || isElementItself(type, { node, repeated, child })
  const element = columnAt(type.element, isElement ? repeated : child, below, file, isElement)
  return { kind: 'list', node, repeated, element }
}

/** Whether the repeated group is the element, rather than a wrapper of it. */
function isElementItself(
  type: ListType,
  { node, repeated, child }: { readonly node: SchemaNode; readonly repeated: SchemaNode; readonly child: SchemaNode },
): boolean {
  if (repeated.children.length > 1) return true
  if (child.fieldId === type.elementId) return false
  if (repeated.fieldId === type.elementId) return true
  const isStruct = typeof type.element !== 'string' && type.element.kind === 'struct'
  // A struct cannot be stored in a leaf, nor anything but a struct in a group of one plain field.
  if (child.leaf !== undefined && child.repetition !== 'repeated') return isStruct
  return child.repetition === 'repeated' || repeated.name === 'array' || repeated.name === `${node.name}_tuple`
}

/** @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#maps */
function mapAt(type: MapType, repeated: SchemaNode | undefined, place: Place): FileColumn {
  const { node, names, file } = place
  const [key, value, ...more] = repeated?.children ?? []
  if (repeated?.repetition !== 'repeated' || key === undefined || more.length > 0) throw notAs(node, 'a map', file)
  const below = (id: number): FieldNames => ({
    mapping: names.mapping?.find((m) => m.fieldId === id)?.fields ?? names.mapping,
  })
  return {
    kind: 'map',
    node,
    repeated,
    key: columnAt(type.key, key, below(type.keyId), file),
    value: value === undefined ? undefined : columnAt(type.value, value, below(type.valueId), file),
  }
}

/** @see https://github.com/apache/parquet-format/blob/master/VariantEncoding.md */
function variantAt(node: SchemaNode, file: string): FileColumn {
  const metadata = node.children.find((child) => child.name === 'metadata')
  const value = node.children.find((child) => child.name === 'value')
  if (node.children.some((child) => child.name === 'typed_value')) {
    const column = node.path.join('.')
    throw new IcebergIoError('unsupported-file', `${file}: column ${column} is a shredded variant, which is not read`, {
      context: { file, column },
      hint: 'Leave the column out of the columns to read, or have its writer store variants whole.',
    })
  }
  if (metadata?.physical !== 'BYTE_ARRAY' || value?.physical !== 'BYTE_ARRAY') throw notAs(node, 'a variant', file)
  return { kind: 'variant', node, metadata, value }
}

function firstLeaf(node: SchemaNode): SchemaNode | undefined {
  if (node.leaf !== undefined) return node
  for (const child of node.children) {
    const leaf = firstLeaf(child)
    if (leaf !== undefined) return leaf
  }
  return undefined
}

function hasIds(node: SchemaNode): boolean {
  return node.children.some((child) => child.fieldId !== undefined || hasIds(child))
}

function notAs(node: SchemaNode, kind: string, file: string): IcebergIoError {
  const column = node.path.join('.')
  return new IcebergIoError('malformed-file', `${file}: column ${column} is not stored as ${kind}`, {
    context: { file, column },
    hint: 'The file was written for another type of this column; rewrite it, or leave the column out.',
  })
}
