import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchOfRows, type PlainValue } from '@icebridge/columnar/testing'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment as environment } from '@icebridge/iceberg-catalog'
import { append, type CreateTable, isNull, lt, openTable, type TableHandle, type Type } from '@icebridge/iceberg-core'
import {
  type ChangeMode,
  columnFieldsOf,
  compact,
  deleteWhere,
  IcebergAppender,
  IcebergReader,
  upsert,
} from '@icebridge/iceberg-io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'
import { exactRows, inOneOrder } from './exact-rows.ts'

/** What interop/written_tables.py prints of a table. */
interface Found {
  readonly pyiceberg: readonly unknown[]
  readonly duckdb: readonly unknown[]
  readonly missed: { readonly pyiceberg: readonly string[]; readonly duckdb: readonly string[] }
}

const python = await findPython()
if ('missing' in python) console.warn(`the checks of written tables are skipped: ${python.missing}`)

const namespace = ['written']
let folder: string
let found: Readonly<Record<string, Found>>
/** Our own rows by table. */
const ours = new Map<string, readonly string[]>()

beforeAll(async () => {
  if ('missing' in python) return
  folder = await mkdtemp(join(tmpdir(), 'icebridge-written-'))
  const path = join(folder, 'catalog.db')
  const io = new LocalFileIO()
  {
    await using catalog = await SqlCatalog.openSqlite({ name: 'written', path, warehouse: folder, io, environment })
    await catalog.createNamespace(namespace)
    const create = async (name: string, table: CreateTable): Promise<TableHandle> => {
      await catalog.createTable({ namespace, name }, table)
      return await openTable(catalog, { namespace, name }, io)
    }
    const tables = {
      extremes: await extremes(create),
      deltas: await deltas(create),
      ...(await partitioned(create)),
      ...(await changed(create)),
    }
    for (const [name, table] of Object.entries(tables)) {
      ours.set(name, await exactRows(new IcebergReader(table).scan()))
    }
  }
  const script = join(root, 'checks/interop/written_tables.py')
  found = JSON.parse(await output(python.path, [script, path, 'written', folder, 'written']))
}, 300_000)

afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

type Create = (name: string, table: CreateTable) => Promise<TableHandle>

async function appended(table: TableHandle, rows: readonly (readonly PlainValue[])[]): Promise<TableHandle> {
  const appender = await IcebergAppender.open(table, { environment, rowGroupRows: 64 })
  await appender.write(batchOfRows(columnFieldsOf(appender.schema), rows))
  const outcome = await append(table, { files: await appender.finish() }, { environment })
  if (outcome.status !== 'committed') throw new Error(`the append is ${outcome.status}`)
  return outcome.table
}

function schemaOf(types: Readonly<Record<string, Type>>): CreateTable['schema'] {
  const fields = Object.entries(types).map(([name, type], index) => ({
    id: index + 1,
    name,
    required: index === 0,
    type,
  }))
  return { schemaId: 0, identifierFieldIds: [1], fields }
}

/** Every type at its ends, as far as Python's own types reach. */
async function extremes(create: Create): Promise<TableHandle> {
  const types: Record<string, Type> = {
    id: 'long',
    boolean: 'boolean',
    int: 'int',
    long: 'long',
    float: 'float',
    double: 'double',
    decimal9: { kind: 'decimal', precision: 9, scale: 9 },
    decimal18: { kind: 'decimal', precision: 18, scale: 0 },
    decimal38: { kind: 'decimal', precision: 38, scale: 10 },
    date: 'date',
    time: 'time',
    timestamp: 'timestamp',
    timestamptz: 'timestamptz',
    string: 'string',
    binary: 'binary',
    fixed: { kind: 'fixed', length: 3 },
    uuid: 'uuid',
  }
  const [firstMicros, lastMicros] = [-62_135_596_800_000_000n, 253_402_300_799_999_999n]
  const tiny = 1.401298464324817e-45
  const ends: PlainValue[][] = [
    // prettier-ignore
    [0n, false, -(2 ** 31), -(2n ** 63n), -tiny, -Number.MAX_VALUE, -999_999_999n, -(10n ** 18n - 1n), -(10n ** 38n - 1n),
      -719_162, 0n, firstMicros, firstMicros, '', '', '000000', '0'.repeat(32)],
    // prettier-ignore
    [1n, true, 2 ** 31 - 1, 2n ** 63n - 1n, tiny, Number.MIN_VALUE, 999_999_999n, 10n ** 18n - 1n, 10n ** 38n - 1n,
      2_932_896, 86_399_999_999n, lastMicros, lastMicros, '\u{1f9ca}'.repeat(40), 'ff'.repeat(200), 'ffffff', 'f'.repeat(32)],
    // prettier-ignore
    [2n, true, 0, 0n, -0, -0, 0n, 0n, 0n, 0, 1n, -1n, -1n, `${'x'.repeat(15)}\u{10ffff}\u{10ffff}`, '00', '0a0b0c',
      'f81d4fae7dec11d0a76500a0c91e6bf6'],
    // prettier-ignore
    [3n, false, -1, -1n, Number.NaN, Number.NaN, -1n, -1n, -1n, -1, 1_000_000n, 1n, 1n, 'Z\u0308\u0000\n"\'', 'c3a9', 'c3a9ff',
      '00000000000000000000000000000001'],
    [
      4n,
      true,
      1,
      1n,
      Infinity,
      -Infinity,
      1n,
      1n,
      1n,
      1,
      2n,
      2n,
      2n,
      'y'.repeat(500),
      'ab'.repeat(300),
      'abcdef',
      null,
    ],
    [5n, ...Array.from({ length: 16 }, () => null)],
  ]
  return await appended(await create('extremes', { schema: schemaOf(types) }), ends)
}

/** Integers that are stored as differences: sequences, then jumps to the ends and back, and nulls. */
async function deltas(create: Create): Promise<TableHandle> {
  const types: Record<string, Type> = {
    id: 'long',
    int: 'int',
    long: 'long',
    decimal9: { kind: 'decimal', precision: 9, scale: 2 },
    decimal18: { kind: 'decimal', precision: 18, scale: 2 },
    date: 'date',
    timestamptz: 'timestamptz',
  }
  const properties = { 'write.parquet.delta-encoding-enabled': 'true' }
  const table = await create('deltas', { schema: schemaOf(types), properties })
  const sign = (row: number): bigint => (row % 2 === 0 ? 1n : -1n)
  return await appended(
    table,
    Array.from({ length: 300 }, (_, row): PlainValue[] => {
      if (row % 17 === 16)
        return [
          BigInt(row),
          ...Object.keys(types)
            .slice(1)
            .map(() => null),
        ]
      const jumps = row > 100 && row % 5 === 0
      return [
        BigInt(row),
        jumps ? Number(sign(row)) * (2 ** 31 - 1) : row,
        jumps ? sign(row) * (2n ** 63n - 1n) : BigInt(row) * 3n,
        jumps ? sign(row) * 999_999_999n : BigInt(row),
        jumps ? sign(row) * (10n ** 18n - 1n) : BigInt(-row),
        jumps ? Number(sign(row)) * 700_000 : 20_000 + row,
        jumps ? sign(row) * 62_000_000_000_000_000n : 1_767_225_600_000_000n + BigInt(row) * 1_000_000n,
      ]
    }),
  )
}

/** A table for each transform, over values on both sides of zero and 1970. */
async function partitioned(create: Create): Promise<Record<string, TableHandle>> {
  const types: Record<string, Type> = {
    id: 'long',
    number: 'int',
    amount: { kind: 'decimal', precision: 20, scale: 2 },
    text: 'string',
    at: 'timestamptz',
    on: 'date',
    key: 'uuid',
    bytes: 'binary',
  }
  const rows = Array.from({ length: 60 }, (_, row): PlainValue[] => [
    BigInt(row - 30),
    row % 9 === 0 ? null : row * 37 - 1000,
    row % 10 === 0 ? null : BigInt(row - 30) * 12_345_678_901n,
    row % 11 === 0 ? null : `${['é/ =', '\u{1f9ca}%', 'plain', ''][row % 4]}${row % 3}`,
    row % 12 === 0 ? null : BigInt(row - 30) * 40_000_000_000_000n,
    row % 13 === 0 ? null : (row - 30) * 200,
    row % 14 === 0 ? null : row.toString(16).padStart(2, '0').repeat(16),
    row % 15 === 0
      ? null
      : row
          .toString(16)
          .padStart(2, '0')
          .repeat(row % 5),
  ])
  const ids = Object.fromEntries(Object.keys(types).map((name, index) => [name, index + 1]))
  const transforms = [
    ['identity', 'number', { kind: 'identity' }],
    ['identity_text', 'text', { kind: 'identity' }],
    ['identity_amount', 'amount', { kind: 'identity' }],
    ['bucket', 'id', { kind: 'bucket', buckets: 5 }],
    ['bucket_text', 'text', { kind: 'bucket', buckets: 3 }],
    ['bucket_amount', 'amount', { kind: 'bucket', buckets: 3 }],
    ['bucket_uuid', 'key', { kind: 'bucket', buckets: 3 }],
    ['truncate', 'number', { kind: 'truncate', width: 100 }],
    ['truncate_amount', 'amount', { kind: 'truncate', width: 1_000_000 }],
    ['truncate_text', 'text', { kind: 'truncate', width: 2 }],
    ['truncate_bytes', 'bytes', { kind: 'truncate', width: 1 }],
    ['year', 'at', { kind: 'year' }],
    ['month', 'on', { kind: 'month' }],
    ['day', 'at', { kind: 'day' }],
    ['hour', 'at', { kind: 'hour' }],
    ['void', 'number', { kind: 'void' }],
  ] as const
  const tables: Record<string, TableHandle> = {}
  for (const [name, column, transform] of transforms) {
    const partitionSpec = {
      specId: 0,
      fields: [{ sourceIds: [ids[column] ?? 0], fieldId: 1000, name: `${column}_part`, transform }],
    }
    const table = await create(`by_${name}`, { schema: schemaOf(types), partitionSpec })
    tables[`by_${name}`] = await appended(table, rows)
  }
  return tables
}

/** Tables that were upserted into, deleted from and compacted. */
async function changed(create: Create): Promise<Record<string, TableHandle>> {
  const types: Record<string, Type> = {
    id: 'long',
    city: 'string',
    amount: { kind: 'decimal', precision: 38, scale: 5 },
  }
  const rows = (count: number, id: (at: number) => number): PlainValue[][] =>
    Array.from({ length: count }, (_, at) => [
      BigInt(id(at)),
      id(at) % 7 === 0 ? null : (['Łódź', 'Oslo', 'Rome'][id(at) % 3] ?? null),
      id(at) % 5 === 0 ? null : BigInt(at) - 10n ** 37n,
    ])
  const tables: Record<string, TableHandle> = {}
  for (const formatVersion of [2, 3] as const) {
    for (const mode of ['copy-on-write', 'merge-on-read'] as const satisfies readonly ChangeMode[]) {
      for (const isCompacted of [false, true]) {
        const name = `v${formatVersion}_${mode.replaceAll('-', '_')}${isCompacted ? '_compacted' : ''}`
        const partition = { sourceIds: [2], fieldId: 1000, name: 'city', transform: { kind: 'identity' } } as const
        const schema = schemaOf(types)
        let table = await create(name, { schema, formatVersion, partitionSpec: { specId: 0, fields: [partition] } })
        const batch = (of: readonly PlainValue[][]) => [batchOfRows(columnFieldsOf(schema), of)]
        for (let file = 0; file < 3; file++)
          table = await appended(
            table,
            rows(100, (at) => file * 100 + at),
          )
        for (const change of [
          () => upsert(table, batch(rows(60, (at) => at * 6)), { environment, mode }),
          () => deleteWhere(table, lt('id', 25n), { environment, mode }),
          () => deleteWhere(table, isNull('city'), { environment, mode }),
          () => upsert(table, batch(rows(30, (at) => at * 3 + 20)), { environment, mode }),
          ...(isCompacted ? [() => compact(table, { environment, all: true })] : []),
        ]) {
          const outcome = await change()
          if (outcome.status !== 'committed') throw new Error(`${name}: ${outcome.status}`)
          table = outcome.table
        }
        tables[name] = table
      }
    }
  }
  return tables
}

describe('tables that icebridge writes', () => {
  test('are found by PyIceberg, all of them', (context) => {
    if ('missing' in python) return context.skip(python.missing)
    expect(Object.keys(found).toSorted()).toEqual([...ours.keys()].toSorted())
    expect(ours.size).toBe(26)
    for (const rows of ours.values()) expect(rows.length).toBeGreaterThan(5)
  })

  for (const engine of ['pyiceberg', 'duckdb'] as const) {
    test(`have the same rows in ${engine}: extremes, transforms, changes`, (context) => {
      if ('missing' in python) return context.skip(python.missing)
      for (const [name, rows] of ours) {
        expect({ name, rows: inOneOrder(found[name]?.[engine] ?? []) }).toEqual({ name, rows })
      }
    })
  }

  test('lose no row to a filter on it in either', (context) => {
    if ('missing' in python) return context.skip(python.missing)
    for (const [name, { missed }] of Object.entries(found)) {
      expect({ name, missed }).toEqual({ name, missed: { pyiceberg: [], duckdb: [] } })
    }
  })
})
