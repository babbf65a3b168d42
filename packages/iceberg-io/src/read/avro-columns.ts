import type { ColumnBuilder } from '@icebridge/columnar'
import {
  type AvroCompiler,
  type AvroField,
  type Cursor,
  forEachItem,
  type JsonValue,
  type MappedField,
  type NestedField,
  type NestedValue,
  type Type,
} from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { appendValue, defaultOf } from './append-value.ts'
import { avroLeaf } from './avro-leaf.ts'
import { checkAbsent } from './constant-column.ts'

/** Reads one value at the cursor and appends it to its column. */
export type AppendAvro = (cursor: Cursor) => void

export interface AvroColumns {
  readonly compiler: AvroCompiler
  /** How fields are found by name in a file without ids; undefined for one with ids. */
  readonly mapping: readonly MappedField[] | undefined
  readonly constants: ReadonlyMap<number, NestedValue> | undefined
  readonly file: string
}

/**
 * Reads a record into the columns of its fields, and moves over what is not asked for.
 *
 * @throws IcebergIoError `unsupported-file` for a stored type that is not read as the field's.
 */
export function recordAppender(
  avro: JsonValue,
  fields: readonly NestedField[],
  builders: readonly ColumnBuilder[],
  columns: AvroColumns,
): AppendAvro {
  const record = columns.compiler.types.resolve(avro)
  if (record.kind !== 'record') throw new IcebergIoError('malformed-file', `${columns.file} does not hold records`)
  const present = new Set<number>()
  const steps = record.fields.map((stored): AppendAvro => {
    const mapped = columns.mapping?.find(({ names }) => stored.name !== undefined && names.includes(stored.name))
    const id = columns.mapping === undefined ? stored.id : mapped?.fieldId
    const at = fields.findIndex((field) => field.id === id && field.type !== 'unknown')
    const [field, builder] = [fields[at], builders[at]]
    if (field === undefined || builder === undefined || present.has(at)) return columns.compiler.skipper(stored.type)
    present.add(at)
    return appender(stored.type, field.type, builder, below(columns, mapped))
  })
  const absent = fields.flatMap((field, at): (() => void)[] => {
    const builder = builders[at]
    if (present.has(at) || builder === undefined) return []
    const known = columns.constants?.get(field.id)
    const value = known === undefined ? defaultOf(field) : known
    checkAbsent(field, value, columns.file)
    return [() => appendValue(builder, value, field.type)]
  })
  return (cursor) => {
    for (const step of steps) step(cursor)
    for (const append of absent) append()
  }
}

function below(columns: AvroColumns, mapped: MappedField | undefined): AvroColumns {
  return columns.mapping === undefined ? columns : { ...columns, mapping: mapped?.fields ?? [] }
}

function appender(avro: JsonValue, type: Type, builder: ColumnBuilder, columns: AvroColumns): AppendAvro {
  const stored = columns.compiler.types.resolve(avro)
  if (stored.kind === 'primitive' && stored.name === 'null') return () => builder.appendNull()
  if (stored.kind === 'union') {
    const branches = stored.branches.map((branch) => appender(branch, type, builder, columns))
    return (cursor) => {
      const branch = branches[cursor.int()]
      if (branch === undefined) throw new Error('a union has no such branch')
      branch(cursor)
    }
  }
  const nested = typeof type === 'string' ? undefined : nestedAppender(avro, type, builder, columns)
  const append = nested ?? (isNested(type) ? undefined : avroLeaf(avro, stored, type, builder))
  if (append !== undefined) return append
  throw new IcebergIoError(
    'unsupported-file',
    `${columns.file}: column ${builder.name} is stored as Avro's ${stored.kind === 'primitive' ? stored.name : stored.kind}, which is not its type`,
    {
      context: { file: columns.file, column: builder.name },
      hint: 'The file was written for another type of this column; rewrite it, or leave the column out.',
    },
  )
}

function isNested(type: Type): type is Extract<Type, { kind: 'struct' | 'list' | 'map' }> {
  return typeof type === 'object' && (type.kind === 'struct' || type.kind === 'list' || type.kind === 'map')
}

function nestedAppender(
  avro: JsonValue,
  type: Exclude<Type, string>,
  builder: ColumnBuilder,
  columns: AvroColumns,
): AppendAvro | undefined {
  const stored = columns.compiler.types.resolve(avro)
  if (type.kind === 'struct' && builder.kind === 'struct' && stored.kind === 'record') {
    const append = recordAppender(avro, type.fields, builder.children, columns)
    return (cursor) => {
      append(cursor)
      builder.append()
    }
  }
  if (type.kind === 'variant' && builder.kind === 'struct' && stored.kind === 'record') {
    return variantAppender(stored.fields, builder.children, columns, () => builder.append())
  }
  if (type.kind === 'list' && builder.kind === 'list' && stored.kind === 'array') {
    const inside = columns.mapping?.find(({ fieldId }) => fieldId === type.elementId)
    const append = appender(stored.items, type.element, builder.element, below(columns, inside))
    return (cursor) => {
      forEachItem(cursor, append)
      builder.append()
    }
  }
  if (type.kind !== 'map' || builder.kind !== 'map') return undefined
  const [keyNames, valueNames] = [type.keyId, type.valueId].map((id) =>
    columns.mapping?.find(({ fieldId }) => fieldId === id),
  )
  if (stored.kind === 'map' && type.key === 'string' && builder.key.kind === 'string') {
    const { key } = builder
    const value = appender(stored.items, type.value, builder.value, below(columns, valueNames))
    return (cursor) => {
      forEachItem(cursor, () => {
        key.append(cursor.text(cursor.length()))
        value(cursor)
      })
      builder.append()
    }
  }
  // Maps of other keys are arrays of records of a key and a value.
  const entry = stored.kind === 'array' ? columns.compiler.types.resolve(stored.items) : undefined
  const [keyField, valueField, ...more] = entry?.kind === 'record' ? entry.fields : []
  if (keyField === undefined || valueField === undefined || more.length > 0) return undefined
  const key = appender(keyField.type, type.key, builder.key, below(columns, keyNames))
  const value = appender(valueField.type, type.value, builder.value, below(columns, valueNames))
  return (cursor) => {
    forEachItem(cursor, () => {
      key(cursor)
      value(cursor)
    })
    builder.append()
  }
}

function variantAppender(
  fields: readonly AvroField[],
  [metadata, value]: readonly ColumnBuilder[],
  columns: AvroColumns,
  close: () => void,
): AppendAvro | undefined {
  const targets = { metadata, value }
  const steps = fields.map(({ name, type }) => {
    const target = name === 'metadata' || name === 'value' ? targets[name] : undefined
    return target === undefined ? columns.compiler.skipper(type) : appender(type, 'binary', target, columns)
  })
  if (!fields.some(({ name }) => name === 'metadata') || !fields.some(({ name }) => name === 'value')) return undefined
  return (cursor) => {
    for (const step of steps) step(cursor)
    close()
  }
}
