import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { isJsonArray, isJsonObject } from '../json/lossless-json.ts'
import { damaged } from './cursor.ts'

const maxDepth = 64

const primitives: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])

/** A type of an Avro schema with the names that others gave it replaced by what they stand for. */
export type AvroType =
  | { readonly kind: 'primitive'; readonly name: string }
  | { readonly kind: 'union'; readonly branches: readonly JsonValue[] }
  | { readonly kind: 'record'; readonly schema: JsonObject; readonly fields: readonly AvroField[] }
  | { readonly kind: 'array' | 'map'; readonly items: JsonValue }
  | { readonly kind: 'fixed'; readonly size: number }
  | { readonly kind: 'enum'; readonly symbols: readonly JsonValue[] }

export interface AvroField {
  readonly name: string | undefined
  /** Iceberg's `field-id`. */
  readonly id: number | undefined
  readonly type: JsonValue
}

/** The types of one Avro schema. @throws IcebergError `malformed-manifest` for a schema that is none. */
export class AvroTypes {
  readonly #named = new Map<string, JsonObject>()

  constructor(schema: JsonValue) {
    this.#collect(schema, 0)
  }

  resolve(schema: JsonValue): AvroType {
    let type = schema
    for (let depth = 0; depth <= maxDepth; depth++) {
      if (typeof type === 'string') {
        if (primitives.has(type)) return { kind: 'primitive', name: type }
        type = this.#definition(type)
      }
      if (isJsonArray(type)) return { kind: 'union', branches: type }
      if (!isJsonObject(type)) throw damaged('the Avro schema is malformed')
      const kind = type['type'] ?? null
      if (kind === 'record') return { kind, schema: type, fields: fieldsOf(type) }
      if (kind === 'array') return { kind, items: type['items'] ?? null }
      if (kind === 'map') return { kind, items: type['values'] ?? null }
      if (kind === 'fixed') return { kind, size: sizeOf(type) }
      if (kind === 'enum') return { kind, symbols: symbolsOf(type) }
      type = kind
    }
    throw damaged('the Avro schema is nested too deeply')
  }

  #definition(name: string): JsonObject {
    const found = this.#named.get(name) ?? this.#named.get(name.slice(name.lastIndexOf('.') + 1))
    if (found === undefined) throw damaged(`the Avro schema names the unknown type ${name}`)
    return found
  }

  #collect(schema: JsonValue, depth: number): void {
    if (depth > maxDepth) throw damaged('the Avro schema is nested too deeply')
    if (isJsonArray(schema)) {
      for (const branch of schema) this.#collect(branch, depth + 1)
      return
    }
    if (!isJsonObject(schema)) return
    const { name, namespace, fields, type, items, values } = schema
    if (typeof name === 'string' && (type === 'record' || type === 'fixed' || type === 'enum')) {
      this.#named.set(name, schema)
      if (typeof namespace === 'string') this.#named.set(`${namespace}.${name}`, schema)
    }
    for (const child of [type, items, values]) if (child !== undefined) this.#collect(child, depth + 1)
    if (fields !== undefined && isJsonArray(fields)) {
      for (const field of fields) if (isJsonObject(field)) this.#collect(field['type'] ?? null, depth + 1)
    }
  }
}

function fieldsOf(schema: JsonObject): readonly AvroField[] {
  const fields = schema['fields'] ?? null
  if (!isJsonArray(fields)) throw damaged('a record of the Avro schema has no fields')
  return fields.map((field) => {
    if (!isJsonObject(field)) throw damaged('a field of the Avro schema is malformed')
    const { name, 'field-id': id, type } = field
    return {
      name: typeof name === 'string' ? name : undefined,
      id: typeof id === 'number' ? id : undefined,
      type: type ?? null,
    }
  })
}

function sizeOf(schema: JsonObject): number {
  const size = schema['size']
  if (typeof size === 'number' && Number.isInteger(size) && size >= 0) return size
  throw damaged('a fixed type has no size')
}

function symbolsOf(schema: JsonObject): readonly JsonValue[] {
  const symbols = schema['symbols'] ?? null
  if (!isJsonArray(symbols)) throw damaged('an enum type has no symbols')
  return symbols
}
