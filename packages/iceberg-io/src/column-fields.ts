import type { ColumnField, ColumnType } from '@icebridge/columnar'
import type { NestedField, Schema, Type } from '@icebridge/iceberg-core'

/**
 * The batch columns of an Iceberg schema, in order, with field ids. A variant is a struct of its two binary parts, `metadata`
 * and `value`; geometry and geography are the bytes of their WKB; unknown is a column of nulls.
 *
 * @see https://iceberg.apache.org/spec/#primitive-types
 */
export function columnFieldsOf(schema: Pick<Schema, 'fields'>): readonly ColumnField[] {
  return schema.fields.map(columnFieldOf)
}

/** The batch column of one field. See {@link columnFieldsOf}. */
export function columnFieldOf(field: NestedField): ColumnField {
  return column(field.name, field.type, { nullable: !field.required, fieldId: field.id })
}

function column(name: string, type: Type, rest: { readonly nullable: boolean; readonly fieldId: number }): ColumnField {
  const metadata = extension(type)
  // Values of type unknown are all null, so that nothing else can be asked of them.
  const nullable = rest.nullable || type === 'unknown'
  return { name, type: columnTypeOf(type), ...rest, nullable, ...(metadata === undefined ? {} : { metadata }) }
}

function columnTypeOf(type: Type): ColumnType {
  switch (type) {
    case 'boolean':
    case 'date':
    case 'time':
    case 'string':
    case 'binary':
    case 'uuid':
      return { kind: type }
    case 'int':
      return { kind: 'int32' }
    case 'long':
      return { kind: 'int64' }
    case 'float':
      return { kind: 'float32' }
    case 'double':
      return { kind: 'float64' }
    case 'timestamp':
      return { kind: 'timestamp', utc: false }
    case 'timestamptz':
      return { kind: 'timestamp', utc: true }
    case 'timestamp_ns':
      return { kind: 'timestamp_ns', utc: false }
    case 'timestamptz_ns':
      return { kind: 'timestamp_ns', utc: true }
    case 'unknown':
      return { kind: 'null' }
  }
  switch (type.kind) {
    case 'decimal':
      return { kind: 'decimal', precision: type.precision, scale: type.scale }
    case 'fixed':
      return { kind: 'fixed', length: type.length }
    case 'struct':
      return { kind: 'struct', fields: type.fields.map(columnFieldOf) }
    case 'list': {
      const { element, elementId, elementRequired } = type
      return { kind: 'list', element: column('element', element, { nullable: !elementRequired, fieldId: elementId }) }
    }
    case 'map':
      return {
        kind: 'map',
        key: column('key', type.key, { nullable: false, fieldId: type.keyId }),
        value: column('value', type.value, { nullable: !type.valueRequired, fieldId: type.valueId }),
      }
    case 'variant':
      return {
        kind: 'struct',
        fields: [
          { name: 'metadata', type: { kind: 'binary' }, nullable: false },
          { name: 'value', type: { kind: 'binary' }, nullable: false },
        ],
      }
    case 'geometry':
    case 'geography':
      return { kind: 'binary' }
  }
}

/**
 * What tells other Arrow implementations that a column is a variant or geospatial.
 *
 * @see https://arrow.apache.org/docs/format/CanonicalExtensions.html#parquet-variant
 * @see https://geoarrow.org/extension-types.html
 */
function extension(type: Type): ReadonlyMap<string, string> | undefined {
  if (typeof type === 'string') return undefined
  switch (type.kind) {
    case 'variant':
      return extensionOf('arrow.parquet.variant', '')
    case 'geometry':
      return extensionOf('geoarrow.wkb', JSON.stringify({ crs: type.crs ?? 'OGC:CRS84' }))
    case 'geography':
      return extensionOf(
        'geoarrow.wkb',
        JSON.stringify({ crs: type.crs ?? 'OGC:CRS84', edges: type.algorithm ?? 'spherical' }),
      )
    default:
      return undefined
  }
}

function extensionOf(name: string, metadata: string): ReadonlyMap<string, string> {
  return new Map([
    ['ARROW:extension:name', name],
    ['ARROW:extension:metadata', metadata],
  ])
}
