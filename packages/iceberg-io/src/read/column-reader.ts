import type { ColumnBuilder, ListBuilder, MapBuilder, StructBuilder } from '@icebridge/columnar'
import {
  singleValueFromJson,
  type JsonValue,
  type NestedField,
  type NestedValue,
  type PrimitiveType,
  type Type,
} from '@icebridge/iceberg-core'
import type { SchemaTree } from 'hyparquet'
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js'
import { IcebergIoError } from '../errors.ts'
import { appendValue } from './append-value.ts'
import type { FileColumn } from './file-columns.ts'
import { LeafCursor } from './leaf-cursor.ts'
import { leafDecoder } from './leaf-decoder.ts'
import type { Page } from './pages.ts'

/** Fills one column of a batch from one row group. */
export interface ColumnReader {
  /** Appends the next `rows` rows. */
  read(rows: number): void
}

/** Gives the pages of a leaf in the row group being read. */
export type PagesOf = (path: readonly SchemaTree[]) => Iterable<Page>

interface Context {
  readonly file: string
  readonly pagesOf: PagesOf
}

/** A column that the file does not have: every row holds the same. */
export function constantReader(builder: ColumnBuilder, value: NestedValue): ColumnReader {
  return {
    read: (rows) => {
      for (let row = 0; row < rows; row++) appendValue(builder, value)
    },
  }
}

/** The value that rows have for a field that their file was written without. */
export function defaultOf(field: NestedField): NestedValue {
  // Defaults stand in the schema as the JSON of the table metadata.
  return field.initialDefault === undefined ? null : singleValueFromJson(field.type, field.initialDefault as JsonValue)
}

/** @throws IcebergIoError `unsupported-file` for a stored type that is not read as the field's. */
export function columnReader(column: FileColumn, type: Type, builder: ColumnBuilder, context: Context): ColumnReader {
  if (column.kind === 'leaf' && isFlat(column.path)) return flatReader(column.path, type, builder, context)
  const node = nodeReader(column, type, builder, context)
  return {
    read: (rows) => {
      for (let row = 0; row < rows; row++) node.append()
    },
  }
}

/** The common case, page by page: a leaf right below the root. */
function flatReader(path: readonly SchemaTree[], type: Type, builder: ColumnBuilder, context: Context): ColumnReader {
  const append = decoderOf(path, type, builder, context.file)
  const present = getMaxDefinitionLevel([...path])
  let left = 0
  let pages: Iterator<Page> | undefined
  return {
    read: (rows) => {
      pages ??= context.pagesOf(path)[Symbol.iterator]()
      left += rows
      while (left > 0) {
        const step = pages.next()
        if (step.done === true) {
          throw new IcebergIoError(
            'malformed-file',
            `${context.file}: column ${builder.name} has fewer values than rows`,
            {
              context: { file: context.file, column: builder.name },
            },
          )
        }
        const { definitionLevels, slots, values, dictionary } = step.value
        left -= slots
        let at = 0
        for (let slot = 0; slot < slots; slot++) {
          if (definitionLevels.length > 0 && definitionLevels[slot] !== present) builder.appendNull()
          else {
            const stored: unknown = values[at++]
            append(dictionary === undefined ? stored : dictionary[Number(stored)])
          }
        }
      }
    },
  }
}

interface NodeReader {
  append(): void
  /** Passes over the slot that stands for a null or empty ancestor. */
  skip(): void
  /** The leaf whose levels tell whether the node is there. */
  readonly first: LeafCursor
}

function nodeReader(column: FileColumn, type: Type, builder: ColumnBuilder, context: Context): NodeReader {
  switch (column.kind) {
    case 'leaf': {
      const decode = decoderOf(column.path, type, builder, context.file)
      const cursor = new LeafCursor(context.pagesOf(column.path), getMaxDefinitionLevel([...column.path]))
      return {
        first: cursor,
        skip: () => void cursor.next(),
        append: () => {
          const raw = cursor.next()
          if (raw === undefined) builder.appendNull()
          else decode(raw)
        },
      }
    }
    case 'struct':
      return structReader(column, type, builder, context)
    case 'list':
    case 'map':
      return repeatedReader(column, type, builder, context)
  }
}

function structReader(
  column: Extract<FileColumn, { kind: 'struct' }>,
  type: Type,
  builder: ColumnBuilder,
  context: Context,
): NodeReader {
  if (typeof type === 'string' || type.kind !== 'struct' || builder.kind !== 'struct') throw new TypeError('a struct')
  const struct: StructBuilder = builder
  const present = getMaxDefinitionLevel([...column.path])
  const readers: NodeReader[] = []
  const append: (() => void)[] = type.fields.map((field, index) => {
    const child = struct.children[index]
    const stored = column.fields[index]
    if (child === undefined) throw new TypeError('a builder for each field')
    if (stored === undefined) {
      const value = defaultOf(field)
      return () => appendValue(child, value)
    }
    const reader = nodeReader(stored, field.type, child, context)
    readers.push(reader)
    return () => reader.append()
  })
  const first = readers[0]?.first
  if (first === undefined) {
    throw new IcebergIoError(
      'unsupported-file',
      `${context.file}: struct ${builder.name} has none of the fields asked for`,
      {
        context: { file: context.file, column: builder.name },
      },
    )
  }
  const skip = (): void => {
    for (const reader of readers) reader.skip()
  }
  return {
    first,
    skip,
    append: () => {
      if (first.definition < present) {
        skip()
        struct.appendNull()
        return
      }
      for (const appendChild of append) appendChild()
      struct.append()
    },
  }
}

function repeatedReader(
  column: Extract<FileColumn, { kind: 'list' | 'map' }>,
  type: Type,
  builder: ColumnBuilder,
  context: Context,
): NodeReader {
  const parts = partsOf(column, type, builder, context)
  const first = parts[0]?.first
  if (first === undefined || (builder.kind !== 'list' && builder.kind !== 'map')) throw new TypeError('a list or map')
  const list: ListBuilder | MapBuilder = builder
  // A bare repeated field has no node of its own that could be null.
  const own = column.path.length === column.repeated.length ? column.path.slice(0, -1) : column.path
  const present = getMaxDefinitionLevel([...own])
  const filled = getMaxDefinitionLevel([...column.repeated])
  const level = getMaxRepetitionLevel([...column.repeated])
  const skip = (): void => {
    for (const part of parts) part.skip()
  }
  return {
    first,
    skip,
    append: () => {
      if (first.definition < filled) {
        const isNull = first.definition < present
        skip()
        if (isNull) list.appendNull()
        else list.append()
        return
      }
      do for (const part of parts) part.append()
      while (first.repetition === level)
      list.append()
    },
  }
}

function partsOf(
  column: Extract<FileColumn, { kind: 'list' | 'map' }>,
  type: Type,
  builder: ColumnBuilder,
  context: Context,
): readonly NodeReader[] {
  if (typeof type !== 'string') {
    if (column.kind === 'list' && type.kind === 'list' && builder.kind === 'list') {
      return [nodeReader(column.element, type.element, builder.element, context)]
    }
    if (column.kind === 'map' && type.kind === 'map' && builder.kind === 'map') {
      return [
        nodeReader(column.key, type.key, builder.key, context),
        nodeReader(column.value, type.value, builder.value, context),
      ]
    }
  }
  throw new TypeError('column, type and builder are of one kind')
}

function decoderOf(
  path: readonly SchemaTree[],
  type: Type,
  builder: ColumnBuilder,
  file: string,
): (raw: unknown) => void {
  const leaf = path[path.length - 1]
  if (leaf === undefined) throw new TypeError('a column has a path')
  // A leaf is found for primitive types only.
  return leafDecoder(type as PrimitiveType, leaf.element, builder, { file, column: leaf.path.join('.') })
}

function isFlat(path: readonly SchemaTree[]): boolean {
  return path.length === 2 && path[1]?.element.repetition_type !== 'REPEATED'
}
