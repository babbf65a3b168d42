import type { ColumnField, ColumnType } from '@icebridge/columnar'
import { formatType, type NestedField, type Schema, type Type } from '@icebridge/iceberg-core'
import { IcebergIoError } from './errors.ts'

/**
 * The batch columns of an Iceberg schema, in order, with field ids.
 *
 * @throws IcebergIoError `unsupported-type` naming the column: nanosecond timestamps, variant and geo types have no place in a batch.
 */
export function columnFieldsOf(schema: Pick<Schema, 'fields'>): readonly ColumnField[] {
  return schema.fields.map((field) => columnFieldOf(field))
}

/** The batch column of one field. See {@link columnFieldsOf}. */
export function columnFieldOf(field: NestedField, path: string = field.name): ColumnField {
  return {
    name: field.name,
    type: columnTypeOf(field.type, path),
    nullable: !field.required,
    fieldId: field.id,
  }
}

function columnTypeOf(type: Type, path: string): ColumnType {
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
    case 'timestamptz_ns':
    case 'unknown':
      throw unsupported(path, type)
  }
  switch (type.kind) {
    case 'decimal':
      return { kind: 'decimal', precision: type.precision, scale: type.scale }
    case 'fixed':
      return { kind: 'fixed', length: type.length }
    case 'struct':
      return { kind: 'struct', fields: type.fields.map((child) => columnFieldOf(child, `${path}.${child.name}`)) }
    case 'list':
      return {
        kind: 'list',
        element: {
          name: 'element',
          type: columnTypeOf(type.element, `${path}.element`),
          nullable: !type.elementRequired,
          fieldId: type.elementId,
        },
      }
    case 'map':
      return {
        kind: 'map',
        key: { name: 'key', type: columnTypeOf(type.key, `${path}.key`), nullable: false, fieldId: type.keyId },
        value: {
          name: 'value',
          type: columnTypeOf(type.value, `${path}.value`),
          nullable: !type.valueRequired,
          fieldId: type.valueId,
        },
      }
    case 'variant':
    case 'geometry':
    case 'geography':
      throw unsupported(path, type)
  }
}

function unsupported(path: string, type: Type): IcebergIoError {
  return new IcebergIoError(
    'unsupported-type',
    `column ${path} has the type ${formatType(type)}, which is not read or written`,
    {
      context: { column: path, type: formatType(type) },
      hint: 'Leave the column out of the columns to read.',
    },
  )
}
