import type { JsonObject } from '../json/json-value.ts'

/** Types without parameters. @see https://iceberg.apache.org/spec/#primitive-types */
export type SimpleType =
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'timestamp_ns'
  | 'timestamptz_ns'
  | 'string'
  | 'uuid'
  | 'binary'
  | 'unknown'

/** Fixed-point decimal: 1 to 38 digits, `scale` of them after the point. */
export interface DecimalType {
  readonly kind: 'decimal'
  readonly precision: number
  readonly scale: number
}

/** Byte array of exactly `length` bytes. */
export interface FixedType {
  readonly kind: 'fixed'
  readonly length: number
}

/** Semi-structured value, format version 3. */
export interface VariantType {
  readonly kind: 'variant'
}

/** Planar geometry, format version 3. No `crs` means `OGC:CRS84`. */
export interface GeometryType {
  readonly kind: 'geometry'
  readonly crs?: string
}

/** Geography on an ellipsoid, format version 3. No `crs` means `OGC:CRS84`, no `algorithm` means `spherical`. */
export interface GeographyType {
  readonly kind: 'geography'
  readonly crs?: string
  readonly algorithm?: string
}

/** Every type that is not a struct, list or map. */
export type PrimitiveType = SimpleType | DecimalType | FixedType | VariantType | GeometryType | GeographyType

/** Tuple of named, typed fields. */
export interface StructType {
  readonly kind: 'struct'
  readonly fields: readonly NestedField[]
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** List; the element has a field id of its own. */
export interface ListType {
  readonly kind: 'list'
  readonly elementId: number
  readonly elementRequired: boolean
  readonly element: Type
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** Map; keys are required, key and value have field ids of their own. */
export interface MapType {
  readonly kind: 'map'
  readonly keyId: number
  readonly key: Type
  readonly valueId: number
  readonly valueRequired: boolean
  readonly value: Type
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** Any Iceberg type. @see https://iceberg.apache.org/spec/#schemas-and-data-types */
export type Type = PrimitiveType | StructType | ListType | MapType

/**
 * One field of a struct.
 *
 * Defaults are in the JSON single-value form of Appendix D, as they stand in table metadata; `null` is no default.
 */
export interface NestedField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: Type
  readonly doc?: string
  readonly initialDefault?: unknown
  readonly writeDefault?: unknown
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** True for everything but struct, list and map. */
export function isPrimitive(type: Type): type is PrimitiveType {
  return typeof type === 'string' || (type.kind !== 'struct' && type.kind !== 'list' && type.kind !== 'map')
}

/** The name a switch can use for any type: the string itself, or `kind`. */
export function typeKind(type: Type): SimpleType | Exclude<Type, string>['kind'] {
  return typeof type === 'string' ? type : type.kind
}

/** Deep equality of two types: ids, names, requiredness, parameters. Docs and defaults do not count. */
export function typesEqual(a: Type, b: Type): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b
  switch (a.kind) {
    case 'decimal':
      return b.kind === 'decimal' && a.precision === b.precision && a.scale === b.scale
    case 'fixed':
      return b.kind === 'fixed' && a.length === b.length
    case 'variant':
      return b.kind === 'variant'
    case 'geometry':
      return b.kind === 'geometry' && (a.crs ?? 'OGC:CRS84') === (b.crs ?? 'OGC:CRS84')
    case 'geography':
      return (
        b.kind === 'geography' &&
        (a.crs ?? 'OGC:CRS84') === (b.crs ?? 'OGC:CRS84') &&
        (a.algorithm ?? 'spherical') === (b.algorithm ?? 'spherical')
      )
    case 'list':
      return (
        b.kind === 'list' &&
        a.elementId === b.elementId &&
        a.elementRequired === b.elementRequired &&
        typesEqual(a.element, b.element)
      )
    case 'map':
      return (
        b.kind === 'map' &&
        a.keyId === b.keyId &&
        a.valueId === b.valueId &&
        a.valueRequired === b.valueRequired &&
        typesEqual(a.key, b.key) &&
        typesEqual(a.value, b.value)
      )
    case 'struct':
      return (
        b.kind === 'struct' &&
        a.fields.length === b.fields.length &&
        a.fields.every((field, index) => {
          const other = b.fields[index]
          return (
            other !== undefined &&
            field.id === other.id &&
            field.name === other.name &&
            field.required === other.required &&
            typesEqual(field.type, other.type)
          )
        })
      )
  }
}
