import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { type AvroField, AvroTypes } from './avro-schema-types.ts'
import { type Cursor, damaged } from './cursor.ts'

/**
 * A decoded record: values by field id. Longs are bigint, bytes and fixed are copies.
 *
 * The decoder is our own because the data may be damaged: every read is checked against the end of the block, and no
 * count makes it loop or allocate beyond what the bytes can hold.
 */
export type DecodedRecord = ReadonlyMap<number, unknown>

/** Which ids the fields of a record have when the file does not say: by name, for each level. */
export interface FieldNames {
  readonly [name: string]: { readonly id: number; readonly children?: FieldNames | undefined }
}

export type Decode = (cursor: Cursor) => unknown
export type Skip = (cursor: Cursor) => void

/** Records that take no bytes could repeat without end. */
const maxEmptyItems = 1 << 16

/** Makes a decoder for an Avro schema. @throws IcebergError `malformed-manifest` for a schema that is none. */
export function compileDecoder(schema: JsonValue, names: FieldNames = {}): Decode {
  return new AvroCompiler(schema).decoder(schema, names)
}

/** Makes functions that decode values of an Avro schema's types, and others that move over them. */
export class AvroCompiler {
  readonly types: AvroTypes
  readonly #decoders = new Map<JsonObject, Decode>()
  readonly #skips = new Map<JsonObject, Skip>()

  constructor(schema: JsonValue) {
    this.types = new AvroTypes(schema)
  }

  decoder(schema: JsonValue, names: FieldNames = {}): Decode {
    const type = this.types.resolve(schema)
    switch (type.kind) {
      case 'primitive':
        return decodePrimitive(type.name)
      case 'union':
        return union(type.branches.map((branch) => this.decoder(branch, names)))
      case 'array':
        return array(this.decoder(type.items, names))
      case 'map':
        return map(this.decoder(type.items, names))
      case 'fixed':
        return (cursor) => cursor.copy(type.size)
      case 'enum':
        return (cursor) => symbol(type.symbols, cursor.int())
      case 'record':
        return this.#record(type.schema, type.fields, names)
    }
  }

  skipper(schema: JsonValue): Skip {
    const type = this.types.resolve(schema)
    switch (type.kind) {
      case 'primitive':
        return skipPrimitive(type.name)
      case 'union':
        return union(type.branches.map((branch) => this.skipper(branch)))
      case 'array':
        return this.#skipArray(type.items)
      case 'map': {
        const skip = this.skipper(type.items)
        return (cursor) =>
          forEachItem(cursor, () => {
            cursor.skipBytes()
            skip(cursor)
          })
      }
      case 'fixed':
        return (cursor) => void cursor.skip(type.size)
      case 'enum':
        return (cursor) => cursor.skipVarints(1)
      case 'record':
        return this.#skipRecord(type.schema, type.fields)
    }
  }

  #record(schema: JsonObject, fields: readonly AvroField[], names: FieldNames): Decode {
    const known = this.#decoders.get(schema)
    if (known !== undefined) return known
    const steps: { readonly id: number; readonly decode: Decode }[] = []
    const decode: Decode = (cursor) => {
      const record = new Map<number, unknown>()
      for (const step of steps) record.set(step.id, step.decode(cursor))
      return record
    }
    // Registered before its fields are compiled, as they may refer to it.
    this.#decoders.set(schema, decode)
    fields.forEach((field, index) => {
      const id = fieldIdOf(field, names, index)
      const children = Object.values(names).find((candidate) => candidate.id === id)?.children ?? {}
      steps.push({ id, decode: this.decoder(field.type, children) })
    })
    return decode
  }

  #skipRecord(schema: JsonObject, fields: readonly AvroField[]): Skip {
    const known = this.#skips.get(schema)
    if (known !== undefined) return known
    const steps: Skip[] = []
    const skip: Skip = (cursor) => {
      for (const step of steps) step(cursor)
    }
    this.#skips.set(schema, skip)
    for (const field of fields) steps.push(this.skipper(field.type))
    return skip
  }

  /** Metrics maps are arrays of pairs, and by far the most of a manifest: pairs of numbers are passed over at once. */
  #skipArray(items: JsonValue): Skip {
    const type = this.types.resolve(items)
    const varints = type.kind === 'record' && type.fields.every(({ type: field }) => this.#isVarint(field))
    if (varints && type.fields.length > 0) {
      const { length } = type.fields
      return (cursor) => forEachBlock(cursor, (count) => cursor.skipVarints(count * length))
    }
    if (this.#isVarint(items)) return (cursor) => forEachBlock(cursor, (count) => cursor.skipVarints(count))
    const skip = this.skipper(items)
    return (cursor) => forEachItem(cursor, skip)
  }

  #isVarint(schema: JsonValue): boolean {
    const type = this.types.resolve(schema)
    return type.kind === 'enum' || (type.kind === 'primitive' && (type.name === 'int' || type.name === 'long'))
  }
}

/** The field's own id, else the one its name has; fields that nobody knows get negative ids. */
export function fieldIdOf(field: AvroField, names: FieldNames, index: number): number {
  const { id, name } = field
  if (id !== undefined) return id
  if (name !== undefined && Object.hasOwn(names, name)) return names[name]?.id ?? -1 - index
  return -1 - index
}

/** Visits the items of an array or map one by one. */
export function forEachItem(cursor: Cursor, visit: (cursor: Cursor) => void): void {
  let empty = 0
  forEachBlock(cursor, (count) => {
    for (let left = count; left > 0; left--) {
      const before = cursor.at
      visit(cursor)
      if (cursor.at === before && ++empty > maxEmptyItems) throw damaged('an array has too many items')
    }
  })
}

/** Blocks of items up to one with the count 0; a negative count is followed by the block's size in bytes. */
function forEachBlock(cursor: Cursor, visit: (count: number) => void): void {
  for (;;) {
    let count = cursor.count()
    if (count === 0) return
    if (count < 0) {
      count = -count
      cursor.length()
    }
    if (count > cursor.remaining + maxEmptyItems) throw damaged('an array has more items than data')
    visit(count)
  }
}

function decodePrimitive(type: string): Decode {
  switch (type) {
    case 'boolean':
      return (cursor) => cursor.byte() !== 0
    case 'int':
      return (cursor) => cursor.int()
    case 'long':
      return (cursor) => cursor.long()
    case 'float':
      return (cursor) => cursor.view.getFloat32(cursor.skip(4), true)
    case 'double':
      return (cursor) => cursor.view.getFloat64(cursor.skip(8), true)
    case 'bytes':
      return (cursor) => cursor.copy(cursor.length())
    case 'string':
      return (cursor) => cursor.text(cursor.length())
    default:
      return () => null
  }
}

function skipPrimitive(type: string): Skip {
  switch (type) {
    case 'boolean':
      return (cursor) => void cursor.skip(1)
    case 'int':
    case 'long':
      return (cursor) => cursor.skipVarints(1)
    case 'float':
      return (cursor) => void cursor.skip(4)
    case 'double':
      return (cursor) => void cursor.skip(8)
    case 'bytes':
    case 'string':
      return (cursor) => cursor.skipBytes()
    default:
      return () => undefined
  }
}

function union<T>(branches: readonly ((cursor: Cursor) => T)[]): (cursor: Cursor) => T {
  return (cursor) => {
    const branch = branches[cursor.int()]
    if (branch === undefined) throw damaged('a union has no such branch')
    return branch(cursor)
  }
}

function symbol(symbols: readonly JsonValue[], index: number): JsonValue {
  const found = symbols[index]
  if (found === undefined) throw damaged('an enum has no such symbol')
  return found
}

function array(item: Decode): Decode {
  return (cursor) => {
    const items: unknown[] = []
    forEachItem(cursor, () => items.push(item(cursor)))
    return items
  }
}

function map(value: Decode): Decode {
  return (cursor) => {
    const entries = new Map<string, unknown>()
    forEachItem(cursor, () => entries.set(cursor.text(cursor.length()), value(cursor)))
    return entries
  }
}
