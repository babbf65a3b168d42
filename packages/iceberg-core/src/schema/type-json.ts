import { IcebergError } from '../errors.ts'
import { JsonFields, type JsonOrigin } from '../json/json-fields.ts'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import type { NestedField, PrimitiveType, SimpleType, Type } from './type.ts'

const simpleTypes: ReadonlySet<string> = new Set<SimpleType>([
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
  'unknown',
])

/** The JSON text of a primitive type: `decimal(9, 2)`, `fixed[16]`, `long`. */
export function formatPrimitiveType(type: PrimitiveType): string {
  if (typeof type === 'string') return type
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'fixed':
      return `fixed[${type.length}]`
    case 'variant':
      return 'variant'
    case 'geometry':
      return type.crs === undefined ? 'geometry' : `geometry(${type.crs})`
    case 'geography':
      if (type.crs === undefined && type.algorithm === undefined) return 'geography'
      return `geography(${[type.crs ?? 'OGC:CRS84', ...(type.algorithm === undefined ? [] : [type.algorithm])].join(', ')})`
  }
}

/** Any type as text, for messages. */
export function formatType(type: Type): string {
  if (typeof type === 'string') return type
  switch (type.kind) {
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.id}: ${field.name}: ${formatType(field.type)}`).join(', ')}>`
    case 'list':
      return `list<${formatType(type.element)}>`
    case 'map':
      return `map<${formatType(type.key)}, ${formatType(type.value)}>`
    case 'decimal':
    case 'fixed':
    case 'variant':
    case 'geometry':
    case 'geography':
      return formatPrimitiveType(type)
  }
}

/** Reads the JSON text of a primitive type. @throws IcebergError `unsupported-type`. */
export function parsePrimitiveType(text: string): PrimitiveType {
  const normal = text.trim().toLowerCase()
  if (simpleTypes.has(normal)) return normal as SimpleType // the set holds exactly the members of SimpleType
  if (normal === 'variant') return { kind: 'variant' }
  const decimal = /^decimal\(\s*(\d{1,2})\s*,\s*(-?\d{1,9})\s*\)$/.exec(normal)
  if (decimal !== null) {
    const precision = Number(decimal[1])
    if (precision >= 1 && precision <= 38) return { kind: 'decimal', precision, scale: Number(decimal[2]) }
  }
  const fixed = /^fixed\[\s*(\d{1,10})\s*\]$/.exec(normal)
  if (fixed !== null && Number(fixed[1]) <= 0x7fffffff) return { kind: 'fixed', length: Number(fixed[1]) }
  const spatial = /^(geometry|geography)(?:\(([^,()]*)(?:,([^,()]*))?\))?$/i.exec(text.trim())
  if (spatial !== null) {
    const [, kind, first, second] = spatial
    const crs = first?.trim()
    const algorithm = second?.trim()
    if (crs !== '' && kind?.toLowerCase() === 'geography' && algorithm !== '') {
      return {
        kind: 'geography',
        ...(crs === undefined ? {} : { crs }),
        ...(algorithm === undefined ? {} : { algorithm }),
      }
    }
    if (crs !== '' && kind?.toLowerCase() === 'geometry' && algorithm === undefined) {
      return { kind: 'geometry', ...(crs === undefined ? {} : { crs }) }
    }
  }
  throw new IcebergError('unsupported-type', `type ${text} is not known`, {
    context: { type: text },
    hint: 'The table was written under a newer version of the Iceberg spec than 3, or its metadata is damaged.',
  })
}

export function typeToJson(type: Type): JsonValue {
  if (typeof type === 'string') return type
  switch (type.kind) {
    case 'struct':
      return { type: 'struct', fields: type.fields.map(fieldToJson), ...type.unknownFields }
    case 'list':
      return {
        type: 'list',
        'element-id': type.elementId,
        element: typeToJson(type.element),
        'element-required': type.elementRequired,
        ...type.unknownFields,
      }
    case 'map':
      return {
        type: 'map',
        'key-id': type.keyId,
        key: typeToJson(type.key),
        'value-id': type.valueId,
        value: typeToJson(type.value),
        'value-required': type.valueRequired,
        ...type.unknownFields,
      }
    case 'decimal':
    case 'fixed':
    case 'variant':
    case 'geometry':
    case 'geography':
      return formatPrimitiveType(type)
  }
}

export function typeFromJson(value: JsonValue | undefined, path: string, origin: JsonOrigin): Type {
  if (typeof value === 'string') {
    try {
      return parsePrimitiveType(value)
    } catch (cause) {
      throw new IcebergError('unsupported-type', `field ${path} has the unknown type ${value}`, {
        context: { field: path, type: value, file: origin.file },
        hint: cause instanceof IcebergError ? cause.hint : undefined,
        cause,
      })
    }
  }
  const fields = JsonFields.of(value, path, origin)
  switch (fields.string('type')) {
    case 'struct':
      return {
        kind: 'struct',
        fields: fields.objects('fields', (field) => fieldFromJson(field, origin)),
        ...fields.unknown(),
      }
    case 'list':
      return {
        kind: 'list',
        elementId: fields.int('element-id'),
        elementRequired: fields.boolean('element-required'),
        element: typeFromJson(fields.raw('element'), `${path}.element`, origin),
        ...fields.unknown(),
      }
    case 'map':
      return {
        kind: 'map',
        keyId: fields.int('key-id'),
        key: typeFromJson(fields.raw('key'), `${path}.key`, origin),
        valueId: fields.int('value-id'),
        valueRequired: fields.boolean('value-required'),
        value: typeFromJson(fields.raw('value'), `${path}.value`, origin),
        ...fields.unknown(),
      }
    default:
      throw fields.malformed('type', 'struct, list or map')
  }
}

export function fieldToJson(field: NestedField): JsonObject {
  return {
    id: field.id,
    name: field.name,
    required: field.required,
    type: typeToJson(field.type),
    ...(field.doc === undefined ? {} : { doc: field.doc }),
    // Defaults are held in their JSON form.
    ...(field.initialDefault === undefined ? {} : { 'initial-default': field.initialDefault as JsonValue }),
    ...(field.writeDefault === undefined ? {} : { 'write-default': field.writeDefault as JsonValue }),
    ...field.unknownFields,
  }
}

export function fieldFromJson(fields: JsonFields, origin: JsonOrigin): NestedField {
  const doc = fields.optionalString('doc')
  const initialDefault = fields.raw('initial-default')
  const writeDefault = fields.raw('write-default')
  return {
    id: fields.int('id'),
    name: fields.string('name'),
    required: fields.boolean('required'),
    type: typeFromJson(fields.raw('type'), `${fields.path}.type`, origin),
    ...(doc === undefined ? {} : { doc }),
    ...(initialDefault === undefined ? {} : { initialDefault }),
    ...(writeDefault === undefined ? {} : { writeDefault }),
    ...fields.unknown(),
  }
}
