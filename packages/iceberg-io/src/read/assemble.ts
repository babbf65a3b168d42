import type { NestedField, NestedValue, PrimitiveType } from '@icebridge/iceberg-core'
import { type Data, type Field, makeData, type Struct } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import type { LeafSlots } from '../parquet/leaf-reader.ts'
import type { SchemaNode } from '../parquet/schema-tree.ts'
import { defaultOf } from './append-value.ts'
import { ConstantColumn } from './constant-column.ts'
import { type FileColumn, witnessOf } from './file-columns.ts'
import { leafData } from './leaf-data.ts'
import { leafDecoder } from './leaf-decoder.ts'
import { listSlots, presentSlots } from './slots.ts'
import { noNulls, type Nulls, nullsOf } from './validity.ts'

/** Where a node's slots are: what the levels of the innermost repeated group above it are, and of its parent. */
export interface Place {
  /** Slots are the entries of at least this definition level, ... */
  readonly definition: number
  /** ... and at most this repetition level. */
  readonly repetition: number
  /** The definition level of slots whose parent is there. */
  readonly parent: number
  readonly length: number
}

export const rowsPlace: Omit<Place, 'length'> = { definition: 0, repetition: 0, parent: 0 }

/** Gives the levels and values of a leaf in the rows being read. */
export type SlotsOf = (leaf: SchemaNode) => LeafSlots

/** Makes the Arrow data of a column in some rows. Made once a file. */
export type Assemble = (place: Place, slotsOf: SlotsOf) => Data

interface Context {
  readonly file: string
  /** The name to blame, dotted. */
  readonly path: string
  /** Values that the rows of the file have for an absent field, by field id. */
  readonly constants: ReadonlyMap<number, NestedValue> | undefined
}

/** @throws IcebergIoError `unsupported-file` for a stored type that is not read as the field's. */
export function assembler(
  column: FileColumn | undefined,
  field: NestedField,
  arrow: Field,
  context: Context,
): Assemble {
  if (column === undefined) {
    // A partition value stands in for an absent column, null included; without one the field's default does.
    const known = context.constants?.get(field.id)
    const constant = new ConstantColumn(field, known === undefined ? defaultOf(field) : known, context.file)
    return (place) => constant.rows(place.length)
  }
  const assemble = presentAssembler(column, field, arrow, context)
  if (arrow.nullable) return assemble
  return (place, slotsOf) => {
    const data = assemble(place, slotsOf)
    if (data.nullCount > 0) checkNoNulls(data, column, { place, slotsOf, context })
    return data
  }
}

function presentAssembler(column: FileColumn, field: NestedField, arrow: Field, context: Context): Assemble {
  const { type } = field
  switch (column.kind) {
    case 'leaf': {
      // A leaf is found for primitive types only.
      const decode = leafDecoder(type as PrimitiveType, column.node, context.file)
      return (place, slotsOf) => leafData(slotsOf(column.node), { leaf: column.node, place, type: arrow.type, decode })
    }
    case 'nulls': {
      const nothing = new ConstantColumn({ ...field, required: false }, null, context.file)
      return (place) => nothing.rows(place.length)
    }
    case 'struct':
      return structAssembler(column, field, arrow, context)
    case 'list':
      return listAssembler(column, field, arrow, context)
    case 'map':
      return mapAssembler(column, field, arrow, context)
    case 'variant':
      return variantAssembler(column, arrow)
  }
}

function structAssembler(
  column: Extract<FileColumn, { kind: 'struct' }>,
  field: NestedField,
  arrow: Field,
  context: Context,
): Assemble {
  const { type } = field
  if (typeof type === 'string' || type.kind !== 'struct') throw new TypeError('a struct')
  const children = type.fields.map((child, index) =>
    assembler(column.fields[index], child, childField(arrow, index), {
      ...context,
      path: `${context.path}.${child.name}`,
    }),
  )
  const { node, witness } = column
  return (place, slotsOf) => {
    const nulls = nullsAt(node.maxDefinition, place, slotsOf(witness))
    const inside = { ...place, parent: node.maxDefinition }
    return makeData({
      type: arrow.type as Struct, // the field was made from the same struct
      length: place.length,
      nullCount: nulls.nullCount,
      nullBitmap: nulls.bitmap,
      children: children.map((child) => child(inside, slotsOf)),
    })
  }
}

function variantAssembler(column: Extract<FileColumn, { kind: 'variant' }>, arrow: Field): Assemble {
  const part = (leaf: SchemaNode, index: number): Assemble => {
    const decode = leafDecoder('binary', leaf, '')
    const { type } = childField(arrow, index)
    return (place, slotsOf) => leafData(slotsOf(leaf), { leaf, place, type, decode })
  }
  const parts = [part(column.metadata, 0), part(column.value, 1)]
  return (place, slotsOf) => {
    const nulls = nullsAt(column.node.maxDefinition, place, slotsOf(column.metadata))
    return makeData({
      type: arrow.type as Struct, // a variant's column is a struct of its parts
      length: place.length,
      nullCount: nulls.nullCount,
      nullBitmap: nulls.bitmap,
      children: parts.map((child) => child(place, slotsOf)),
    })
  }
}

function listAssembler(
  column: Extract<FileColumn, { kind: 'list' }>,
  field: NestedField,
  arrow: Field,
  context: Context,
): Assemble {
  const { type } = field
  if (typeof type === 'string' || type.kind !== 'list') throw new TypeError('a list')
  const item = { id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }
  const elements = assembler(column.element, item, childField(arrow, 0), {
    ...context,
    path: `${context.path}.element`,
  })
  return (place, slotsOf) => {
    const { offsets, nulls, inside } = listSlots(slotsOf(witnessOf(column)), { column, place })
    return repeatedData(arrow, { length: place.length, offsets, nulls, child: elements(inside, slotsOf) })
  }
}

function mapAssembler(
  column: Extract<FileColumn, { kind: 'map' }>,
  field: NestedField,
  arrow: Field,
  context: Context,
): Assemble {
  const { type } = field
  if (typeof type === 'string' || type.kind !== 'map') throw new TypeError('a map')
  const entriesField = childField(arrow, 0)
  const keyItem = { id: type.keyId, name: 'key', required: true, type: type.key }
  const valueItem = { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value }
  const keys = assembler(column.key, keyItem, childField(entriesField, 0), { ...context, path: `${context.path}.key` })
  const values = assembler(column.value, valueItem, childField(entriesField, 1), {
    ...context,
    path: `${context.path}.value`,
  })
  return (place, slotsOf) => {
    const { offsets, nulls, inside } = listSlots(slotsOf(witnessOf(column)), { column, place })
    const child = makeData({
      type: entriesField.type as Struct, // a map's entries are a struct
      length: inside.length,
      nullCount: 0,
      children: [keys(inside, slotsOf), values(inside, slotsOf)],
    })
    return repeatedData(arrow, { length: place.length, offsets, nulls, child })
  }
}

function repeatedData(
  arrow: Field,
  parts: { readonly length: number; readonly offsets: Int32Array; readonly nulls: Nulls; readonly child: Data },
): Data {
  return makeData({
    type: arrow.type, // a List or a Map, which are laid out alike
    length: parts.length,
    nullCount: parts.nulls.nullCount,
    nullBitmap: parts.nulls.bitmap,
    valueOffsets: parts.offsets,
    child: parts.child,
  } as Parameters<typeof makeData>[0])
}

/** Which of a group's slots are null. */
function nullsAt(definition: number, place: Place, witness: LeafSlots): Nulls {
  if (definition === place.definition) return noNulls
  const present = presentSlots(witness, { place, at: definition })
  return present === undefined ? noNulls : nullsOf(present)
}

/** A null in a required column is damage, unless a parent is null too. */
function checkNoNulls(
  data: Data,
  column: FileColumn,
  at: { readonly place: Place; readonly slotsOf: SlotsOf; readonly context: Context },
): void {
  const { place, slotsOf, context } = at
  const parents = presentSlots(slotsOf(witnessOf(column)), { place, at: place.parent })
  for (let slot = 0; slot < data.length; slot++) {
    const isNull = ((data.nullBitmap[slot >> 3] ?? 0) & (1 << (slot & 7))) === 0
    if (!isNull || parents?.[slot] === 0) continue
    throw new IcebergIoError(
      'malformed-file',
      `${context.file}: column ${context.path} allows no nulls and holds one`,
      {
        context: { file: context.file, column: context.path },
        hint: 'Make the column optional, or rewrite the file.',
      },
    )
  }
}

function childField(arrow: Field, index: number): Field {
  const child: Field | undefined = arrow.type.children?.[index]
  if (child === undefined) throw new TypeError('an Arrow field for each child')
  return child
}
