import { readFileSync, statSync } from 'node:fs'
import { batchRows, type PlainValue } from '@icebridge/columnar/testing'
import {
  nameMappingProperty,
  parsePrimitiveType,
  serializeNameMapping,
  type FileIO,
  type MappedField,
  type NestedField,
  type Type,
} from '@icebridge/iceberg-core'
import { readAvro, readParquet, type ParquetRead } from '@icebridge/iceberg-io'

/** A file of test/fixtures, with the columns to read it with and the rows that another reader found. */
export interface Golden {
  readonly name: string
  readonly path: string
  readonly fields: readonly NestedField[]
  readonly rows: readonly (readonly Expected[])[]
}

/** Null, text, or a nested value. */
export type Expected = null | string | readonly Expected[]

interface ColumnJson {
  readonly id: number
  readonly name: string
  readonly type: TypeJson
  readonly required?: boolean
}

type TypeJson =
  | string
  | { readonly type: 'struct'; readonly fields: readonly ColumnJson[] }
  | { readonly type: 'list'; readonly 'element-id': number; readonly element: TypeJson }
  | {
      readonly type: 'map'
      readonly 'key-id': number
      readonly key: TypeJson
      readonly 'value-id': number
      readonly value: TypeJson
    }

/** All of the files of one format. */
export function goldens(format: 'parquet' | 'avro' = 'parquet'): readonly Golden[] {
  const folder = new URL(`./fixtures/${format}/`, import.meta.url)
  const files: Readonly<Record<string, { columns: readonly ColumnJson[]; rows: string | Golden['rows'] }>> = JSON.parse(
    readFileSync(new URL('expected.json', folder), 'utf8'),
  )
  return Object.entries(files).map(([name, { columns, rows }]) => {
    const shared = typeof rows === 'string' ? files[rows]?.rows : rows
    if (shared === undefined || typeof shared === 'string') throw new Error(`${name} has no rows`)
    return { name, path: new URL(`${name}.${format}`, folder).pathname, fields: columns.map(fieldOf), rows: shared }
  })
}

export function golden(name: string): Golden {
  const found = goldens().find((file) => file.name === name)
  if (found === undefined) throw new Error(`there is no file ${name}`)
  return found
}

/** Reads only, and counts the bytes that were asked for. */
export class DiskReads {
  bytes = 0
  readonly io: FileIO = {
    read: async (path: string, options?: { range?: { start: number; end: number } }) => {
      const { start, end } = options?.range ?? { start: 0, end: statSync(path).size }
      this.bytes += end - start
      return readFileSync(path).subarray(start, end)
    },
    stat: async (path: string) => ({ sizeBytes: statSync(path).size }),
  } as Partial<FileIO> as FileIO
}

/** Every row as the expected ones are written down. */
export async function readRows(
  file: Pick<Golden, 'path' | 'fields'>,
  read: Partial<ParquetRead> = {},
): Promise<Expected[][]> {
  const fields = read.fields ?? file.fields
  // Files without field ids are read by the names of their columns.
  const properties = { [nameMappingProperty]: serializeNameMapping(fields.map(mapped)) }
  const rows: Expected[][] = []
  const reader = file.path.endsWith('.avro') ? readAvro : readParquet
  for await (const batch of reader(new DiskReads().io, file.path, { properties, ...read, fields })) {
    for (const row of batchRows(batch)) rows.push(row.map((value, at) => expectedOf(value, fields[at]?.type)))
  }
  return rows
}

function expectedOf(value: PlainValue, type: Type | undefined): Expected {
  if (value === null) return null
  if (type === 'float' || type === 'double') return bits(Number(value))
  if (!Array.isArray(value)) return String(value)
  const items = value as readonly PlainValue[] // isArray widens readonly arrays to any[]
  if (typeof type !== 'object') throw new TypeError('a nested value has a nested type')
  if (type.kind === 'variant') return items.map((item) => String(item))
  if (type.kind === 'struct') return items.map((item, at) => expectedOf(item, type.fields[at]?.type))
  if (type.kind === 'list') return items.map((item) => expectedOf(item, type.element))
  if (type.kind !== 'map') throw new TypeError('a nested value has a nested type')
  return items.map((pair) => {
    const [key, item] = pair as readonly PlainValue[] // entries are pairs
    return [expectedOf(key ?? null, type.key), expectedOf(item ?? null, type.value)]
  })
}

function mapped({ id, name, type }: Pick<NestedField, 'id' | 'name' | 'type'>): MappedField {
  return { names: [name], fieldId: id, fields: typeof type === 'string' ? [] : children(type).map(mapped) }
}

function children(type: Exclude<Type, string>): readonly Pick<NestedField, 'id' | 'name' | 'type'>[] {
  switch (type.kind) {
    case 'struct':
      return type.fields
    case 'list':
      return [{ id: type.elementId, name: 'element', type: type.element }]
    case 'map':
      return [
        { id: type.keyId, name: 'key', type: type.key },
        { id: type.valueId, name: 'value', type: type.value },
      ]
    default:
      return []
  }
}

function bits(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}

function fieldOf({ id, name, type, required }: ColumnJson): NestedField {
  return { id, name, required: required ?? false, type: typeOf(type) }
}

function typeOf(json: TypeJson): Type {
  if (typeof json === 'string') {
    const type = parsePrimitiveType(json)
    if (type === undefined) throw new Error(`no type ${json}`)
    return type
  }
  switch (json.type) {
    case 'struct':
      return { kind: 'struct', fields: json.fields.map(fieldOf) }
    case 'list':
      return { kind: 'list', elementId: json['element-id'], elementRequired: false, element: typeOf(json.element) }
    case 'map':
      return {
        kind: 'map',
        keyId: json['key-id'],
        key: typeOf(json.key),
        valueId: json['value-id'],
        valueRequired: false,
        value: typeOf(json.value),
      }
  }
}
