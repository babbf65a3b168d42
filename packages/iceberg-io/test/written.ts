import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBUUIDValue,
} from '@duckdb/node-api'
import type { PlainValue } from '@icebridge/columnar/testing'
import type { NestedField, Schema, Type } from '@icebridge/iceberg-core'

/** A column of every scalar type that is written, all optional, ids from 1. */
export const scalarFields: readonly NestedField[] = fieldsOf({
  c_boolean: 'boolean',
  c_int: 'int',
  c_long: 'long',
  c_float: 'float',
  c_double: 'double',
  c_decimal9: { kind: 'decimal', precision: 9, scale: 2 },
  c_decimal18: { kind: 'decimal', precision: 18, scale: 4 },
  c_decimal38: { kind: 'decimal', precision: 38, scale: 10 },
  c_date: 'date',
  c_time: 'time',
  c_timestamp: 'timestamp',
  c_timestamptz: 'timestamptz',
  c_string: 'string',
  c_binary: 'binary',
  c_fixed: { kind: 'fixed', length: 5 },
  c_uuid: 'uuid',
})

/** Columns of structs, lists and maps, in one another. */
export const nestedFields: readonly NestedField[] = [
  {
    id: 100,
    name: 'n_struct',
    required: false,
    type: {
      kind: 'struct',
      fields: [
        { id: 101, name: 'a', required: false, type: 'int' },
        { id: 102, name: 'b', required: true, type: 'string' },
        {
          id: 103,
          name: 'inner',
          required: false,
          type: { kind: 'struct', fields: [{ id: 104, name: 'x', required: false, type: 'double' }] },
        },
      ],
    },
  },
  {
    id: 110,
    name: 'n_list',
    required: false,
    type: { kind: 'list', elementId: 111, elementRequired: false, element: 'string' },
  },
  {
    id: 120,
    name: 'n_lists',
    required: true,
    type: {
      kind: 'list',
      elementId: 121,
      elementRequired: false,
      element: { kind: 'list', elementId: 122, elementRequired: true, element: 'long' },
    },
  },
  {
    id: 130,
    name: 'n_map',
    required: false,
    type: {
      kind: 'map',
      keyId: 131,
      key: 'int',
      valueId: 132,
      valueRequired: false,
      value: {
        kind: 'struct',
        fields: [
          { id: 133, name: 'd', required: false, type: { kind: 'decimal', precision: 20, scale: 3 } },
          {
            id: 134,
            name: 'l',
            required: false,
            type: { kind: 'list', elementId: 135, elementRequired: false, element: 'date' },
          },
        ],
      },
    },
  },
]

export function schemaOf(fields: readonly NestedField[]): Schema {
  return { schemaId: 0, fields, identifierFieldIds: [] }
}

export function fieldsOf(types: Readonly<Record<string, Type>>): NestedField[] {
  return Object.entries(types).map(([name, type], index) => ({ id: index + 1, name, required: false, type }))
}

let shared: Promise<DuckDBConnection> | undefined

export async function duckdb(): Promise<DuckDBConnection> {
  shared ??= DuckDBInstance.create(':memory:').then(async (instance) => {
    const connection = await instance.connect()
    await connection.run("SET TimeZone = 'UTC'")
    return connection
  })
  return shared
}

/** Rows of a query as plain values: the form of columnar's tests. */
export async function query(sql: string): Promise<PlainValue[][]> {
  const reader = await (await duckdb()).runAndReadAll(sql)
  return reader.getRows().map((row) => row.map(plain))
}

function plain(value: DuckDBValue): PlainValue {
  if (value === null || value === undefined) return null
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex')
  if (value instanceof DuckDBDateValue) return value.days
  if (value instanceof DuckDBDecimalValue) return value.value
  if (value instanceof DuckDBTimeValue) return value.micros
  if (value instanceof DuckDBTimestampValue) return value.micros
  if (value instanceof DuckDBTimestampTZValue) return value.micros
  if (value instanceof DuckDBUUIDValue) return value.toString().replaceAll('-', '')
  if (value instanceof DuckDBListValue) return value.items.map(plain)
  if (value instanceof DuckDBStructValue) return Object.values(value.entries).map(plain)
  if (value instanceof DuckDBMapValue) return value.entries.map(({ key, value: inner }) => [plain(key), plain(inner)])
  if (typeof value === 'object') throw new TypeError(`no plain form of ${value.constructor.name}`)
  return value
}
