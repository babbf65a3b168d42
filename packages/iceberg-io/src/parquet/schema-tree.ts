import { damaged } from './decode-fault.ts'
import type { ThriftStruct } from './thrift.ts'

export const physicalTypes = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
] as const
export type PhysicalType = (typeof physicalTypes)[number]

export type TimeUnit = 'MILLIS' | 'MICROS' | 'NANOS'

/** What stored values stand for; the old converted types are given as the logical types that replaced them. */
export type Annotation =
  | {
      readonly kind:
        | 'string'
        | 'map'
        | 'list'
        | 'enum'
        | 'date'
        | 'null'
        | 'json'
        | 'bson'
        | 'uuid'
        | 'float16'
        | 'interval'
    }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'time'; readonly unit: TimeUnit }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly utc: boolean }
  | { readonly kind: 'integer'; readonly bits: number; readonly signed: boolean }
  | { readonly kind: 'variant' | 'geometry' | 'geography' }

/** One node of a file's schema. */
export interface SchemaNode {
  readonly name: string
  /** Names from below the root to the node. */
  readonly path: readonly string[]
  readonly repetition: 'required' | 'optional' | 'repeated'
  readonly fieldId: number | undefined
  readonly annotation: Annotation | undefined
  /** Undefined for groups. */
  readonly physical: PhysicalType | undefined
  readonly physicalId: number | undefined
  /** Bytes of a FIXED_LEN_BYTE_ARRAY; 0 otherwise. */
  readonly width: number
  readonly children: readonly SchemaNode[]
  /** Definition level of a slot that holds the node. */
  readonly maxDefinition: number
  readonly maxRepetition: number
  /** The place among the leaves of the file; undefined for groups. */
  readonly leaf: number | undefined
}

/** Levels are kept in bytes. */
const highestLevel = 255
/** A fixed-length value larger than this is no value of a table. */
const widest = 1 << 24

/** The schema as a tree, and its leaves in the order of the chunks. @throws DecodeFault */
export function schemaTree(elements: readonly ThriftStruct[]): {
  readonly root: SchemaNode
  readonly leaves: readonly SchemaNode[]
} {
  const leaves: SchemaNode[] = []
  let at = 0
  const node = (parent: Pick<SchemaNode, 'path' | 'maxDefinition' | 'maxRepetition'> | undefined): SchemaNode => {
    const element = elements[at++]
    if (element === undefined) throw damaged('the schema ends too early')
    const name = element.text(4) ?? ''
    const repetition = parent === undefined ? 'required' : repetitions[element.int(3) ?? 0]
    if (repetition === undefined) throw damaged(`the column ${name} repeats in an unknown way`)
    const path = parent === undefined ? [] : [...parent.path, name]
    const maxDefinition = (parent?.maxDefinition ?? 0) + (repetition === 'required' ? 0 : 1)
    const maxRepetition = (parent?.maxRepetition ?? 0) + (repetition === 'repeated' ? 1 : 0)
    if (maxDefinition > highestLevel || path.length > highestLevel) throw damaged('the schema is nested too deeply')
    const below: SchemaNode[] = []
    const childCount = element.int(5) ?? 0
    const physicalId = childCount === 0 && parent !== undefined ? element.int(1) : undefined
    const physical = physicalId === undefined ? undefined : physicalTypes[physicalId]
    if (physicalId !== undefined && physical === undefined) {
      throw damaged(`the column ${path.join('.')} has the unknown type ${physicalId}`)
    }
    const width = physical === 'FIXED_LEN_BYTE_ARRAY' ? (element.int(2) ?? 0) : 0
    if (width < 0 || width > widest) throw damaged(`the column ${path.join('.')} has values of ${width} bytes`)
    const made: SchemaNode = {
      name,
      path,
      repetition,
      fieldId: element.int(9),
      annotation: annotationOf(element),
      physical,
      physicalId,
      width,
      children: below,
      maxDefinition,
      maxRepetition,
      leaf: physical === undefined ? undefined : leaves.length,
    }
    if (physical !== undefined) leaves.push(made)
    else for (let index = 0; index < childCount; index++) below.push(node(made))
    return made
  }
  const root = node(undefined)
  if (at !== elements.length) throw damaged('the schema has more columns than it claims')
  return { root, leaves }
}

const repetitions = ['required', 'optional', 'repeated'] as const

function annotationOf(element: ThriftStruct): Annotation | undefined {
  const logical = element.struct(10)
  return (logical === undefined ? undefined : logicalType(logical, element)) ?? convertedType(element)
}

function logicalType(union: ThriftStruct, element: ThriftStruct): Annotation | undefined {
  const member = union.member
  const inner = member === undefined ? undefined : union.struct(member)
  if (member === undefined || inner === undefined) return undefined
  switch (member) {
    case 5:
      return { kind: 'decimal', scale: inner.int(1) ?? 0, precision: inner.int(2) ?? element.int(8) ?? 0 }
    case 7: {
      const unit = unitOf(inner.struct(2))
      return unit === undefined ? undefined : { kind: 'time', unit }
    }
    case 8: {
      const unit = unitOf(inner.struct(2))
      return unit === undefined ? undefined : { kind: 'timestamp', unit, utc: inner.bool(1) ?? false }
    }
    case 10:
      return { kind: 'integer', bits: inner.int(1) ?? 0, signed: inner.bool(2) ?? true }
    default: {
      const kind = plainLogicalTypes[member]
      return kind === undefined ? undefined : { kind }
    }
  }
}

type PlainKind = Exclude<Annotation['kind'], 'decimal' | 'time' | 'timestamp' | 'integer'>

const plainLogicalTypes: readonly (PlainKind | undefined)[] = [
  undefined,
  'string',
  'map',
  'list',
  'enum',
  undefined,
  'date',
  undefined,
  undefined,
  undefined,
  undefined,
  'null',
  'json',
  'bson',
  'uuid',
  'float16',
  'variant',
  'geometry',
  'geography',
]

function unitOf(unit: ThriftStruct | undefined): TimeUnit | undefined {
  const units = [undefined, 'MILLIS', 'MICROS', 'NANOS'] as const
  return units[unit?.member ?? 0]
}

function convertedType(element: ThriftStruct): Annotation | undefined {
  const converted = element.int(6)
  if (converted === undefined) return undefined
  if (converted === 5) return { kind: 'decimal', precision: element.int(8) ?? 0, scale: element.int(7) ?? 0 }
  return convertedTypes[converted]
}

const convertedTypes: readonly (Annotation | undefined)[] = [
  { kind: 'string' },
  { kind: 'map' },
  { kind: 'map' },
  { kind: 'list' },
  { kind: 'enum' },
  undefined,
  { kind: 'date' },
  { kind: 'time', unit: 'MILLIS' },
  { kind: 'time', unit: 'MICROS' },
  { kind: 'timestamp', unit: 'MILLIS', utc: true },
  { kind: 'timestamp', unit: 'MICROS', utc: true },
  { kind: 'integer', bits: 8, signed: false },
  { kind: 'integer', bits: 16, signed: false },
  { kind: 'integer', bits: 32, signed: false },
  { kind: 'integer', bits: 64, signed: false },
  { kind: 'integer', bits: 8, signed: true },
  { kind: 'integer', bits: 16, signed: true },
  { kind: 'integer', bits: 32, signed: true },
  { kind: 'integer', bits: 64, signed: true },
  { kind: 'json' },
  { kind: 'bson' },
  { kind: 'interval' },
]
