import {
  Binary,
  Bool,
  DataType,
  DateDay,
  DateUnit,
  Decimal,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  Map_,
  Null,
  Precision,
  Schema,
  Struct,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  TimeUnit,
  Utf8,
} from 'apache-arrow'
import type { ColumnField, ColumnType } from './column-type.ts'
import { ColumnarError } from './errors.ts'

const FIELD_ID = 'PARQUET:field_id'
const EXTENSION_NAME = 'ARROW:extension:name'
const EXTENSION_METADATA = 'ARROW:extension:metadata'
const UUID_EXTENSION = 'arrow.uuid'

/**
 * The Arrow schema of `fields`, in order.
 *
 * @throws ColumnarError 'invalid-type' for a decimal whose precision or scale Decimal128 cannot have, or a negative length.
 */
export function arrowSchema(fields: readonly ColumnField[]): Schema {
  return new Schema(fields.map(arrowField))
}

/** The Arrow field of one column. See {@link arrowSchema}. */
export function arrowField(field: ColumnField): Field {
  const metadata = new Map(field.metadata)
  if (field.fieldId !== undefined) metadata.set(FIELD_ID, String(field.fieldId))
  if (field.type.kind === 'uuid') {
    metadata.set(EXTENSION_NAME, UUID_EXTENSION)
    metadata.set(EXTENSION_METADATA, '')
  }
  return new Field(field.name, arrowType(field), field.nullable, metadata)
}

/**
 * The columns of an Arrow schema, made here or by any other Arrow implementation.
 *
 * A timestamp with any time zone is an instant, so it reads as `utc`.
 *
 * @throws ColumnarError 'unsupported-type' that names the field (a dotted path when it is nested) and its Arrow type.
 */
export function columnFields(schema: Schema): readonly ColumnField[] {
  return schema.fields.map((field) => columnField(field))
}

const known = new WeakMap<Field, ColumnField>()

/** The column of one Arrow field; remembered per field object. */
export function columnField(field: Field, parent = ''): ColumnField {
  const found = known.get(field)
  if (found !== undefined) return found
  const path = parent === '' ? field.name : `${parent}.${field.name}`
  const type = columnType(field, path)
  const id = field.metadata.get(FIELD_ID)
  const fieldId = id !== undefined && /^-?\d{1,10}$/.test(id) ? Number(id) : undefined
  const metadata = new Map(field.metadata)
  if (fieldId !== undefined) metadata.delete(FIELD_ID)
  if (type.kind === 'uuid') {
    metadata.delete(EXTENSION_NAME)
    metadata.delete(EXTENSION_METADATA)
  }
  const made: ColumnField = {
    name: field.name,
    type,
    nullable: field.nullable,
    ...(fieldId === undefined ? {} : { fieldId }),
    ...(metadata.size === 0 ? {} : { metadata }),
  }
  known.set(field, made)
  return made
}

function arrowType(field: ColumnField): DataType {
  const { type } = field
  switch (type.kind) {
    case 'boolean':
      return new Bool()
    case 'int32':
      return new Int32()
    case 'int64':
      return new Int64()
    case 'float32':
      return new Float32()
    case 'float64':
      return new Float64()
    case 'decimal':
      checkDecimal(field.name, type.precision, type.scale)
      return new Decimal(type.scale, type.precision, 128)
    case 'date':
      return new DateDay()
    case 'time':
      return new TimeMicrosecond()
    case 'timestamp':
      return type.utc ? new TimestampMicrosecond('UTC') : new TimestampMicrosecond()
    case 'timestamp_ns':
      return type.utc ? new TimestampNanosecond('UTC') : new TimestampNanosecond()
    case 'string':
      return new Utf8()
    case 'binary':
      return new Binary()
    case 'fixed':
      if (!Number.isInteger(type.length) || type.length < 0) {
        throw new ColumnarError(
          'invalid-type',
          `Column ${field.name}: fixed(${type.length}) is not a length in bytes`,
          {
            context: { column: field.name },
          },
        )
      }
      return new FixedSizeBinary(type.length)
    case 'uuid':
      return new FixedSizeBinary(16)
    case 'null':
      return new Null()
    case 'struct':
      return new Struct(type.fields.map(arrowField))
    case 'list':
      return new List(arrowField(type.element))
    case 'map':
      return new Map_(
        new Field(
          'entries',
          new Struct<{ key: DataType; value: DataType }>([
            arrowField({ ...type.key, name: 'key', nullable: false }),
            arrowField({ ...type.value, name: 'value' }),
          ]),
          false,
        ),
      )
  }
}

function checkDecimal(column: string, precision: number, scale: number): void {
  const whole = Number.isInteger(precision) && Number.isInteger(scale)
  if (whole && precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision) return
  throw new ColumnarError('invalid-type', `Column ${column}: decimal(${precision},${scale}) is not a Decimal128`, {
    context: { column, precision, scale },
    hint: 'Use a precision of 1 to 38 and a scale of 0 to the precision.',
  })
}

function columnType(field: Field, path: string): ColumnType {
  const type: DataType = field.type
  if (DataType.isBool(type)) return { kind: 'boolean' }
  if (DataType.isInt(type) && type.isSigned && type.bitWidth === 32) return { kind: 'int32' }
  if (DataType.isInt(type) && type.isSigned && type.bitWidth === 64) return { kind: 'int64' }
  if (DataType.isFloat(type) && type.precision === Precision.SINGLE) return { kind: 'float32' }
  if (DataType.isFloat(type) && type.precision === Precision.DOUBLE) return { kind: 'float64' }
  if (DataType.isDecimal(type) && type.bitWidth === 128) {
    return { kind: 'decimal', precision: type.precision, scale: type.scale }
  }
  if (DataType.isDate(type) && type.unit === DateUnit.DAY) return { kind: 'date' }
  if (DataType.isTime(type) && type.unit === TimeUnit.MICROSECOND) return { kind: 'time' }
  if (DataType.isTimestamp(type) && (type.unit === TimeUnit.MICROSECOND || type.unit === TimeUnit.NANOSECOND)) {
    const utc = typeof type.timezone === 'string' && type.timezone !== ''
    return { kind: type.unit === TimeUnit.MICROSECOND ? 'timestamp' : 'timestamp_ns', utc }
  }
  if (DataType.isNull(type)) return { kind: 'null' }
  if (DataType.isUtf8(type)) return { kind: 'string' }
  if (DataType.isBinary(type)) return { kind: 'binary' }
  if (DataType.isFixedSizeBinary(type)) {
    const uuid = type.byteWidth === 16 && field.metadata.get(EXTENSION_NAME) === UUID_EXTENSION
    return uuid ? { kind: 'uuid' } : { kind: 'fixed', length: type.byteWidth }
  }
  if (DataType.isStruct(type)) return { kind: 'struct', fields: type.children.map((child) => columnField(child, path)) }
  if (DataType.isList(type)) return { kind: 'list', element: columnField(firstOf(type.children, path), path) }
  if (DataType.isMap(type)) {
    const entries = firstOf(type.children, path).type.children as readonly Field[] // a Map's entries are a Struct
    const [key, value] = entries
    if (key !== undefined && value !== undefined) {
      return { kind: 'map', key: columnField(key, path), value: columnField(value, path) }
    }
  }
  throw new ColumnarError(
    'unsupported-type',
    `Column ${path} has an Arrow type that has no column type: ${field.toString()}`,
    {
      context: { column: path, arrowType: field.toString() },
      hint: 'Cast the column to a supported Arrow type before it is handed over.',
    },
  )
}

function firstOf(fields: readonly Field[], path: string): Field {
  const [first] = fields
  if (first !== undefined) return first
  throw new ColumnarError('unsupported-type', `Column ${path} is a nested Arrow type without a child`, {
    context: { column: path },
  })
}
