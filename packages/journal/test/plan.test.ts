import { journalProperty, planJournal, type JournalPlan } from '@icebridge/journal'
import type { SqlType } from '@icebridge/sqlserver'
import { expect, test } from 'vitest'
import { column, definition, orders } from './support.ts'

function fieldTypes(plan: JournalPlan): Readonly<Record<string, unknown>> {
  return Object.fromEntries(plan.create.schema.fields.map(({ name, type }) => [name, type]))
}

const contract: readonly (readonly [SqlType, unknown])[] = [
  [{ name: 'bit' }, 'boolean'],
  [{ name: 'tinyint' }, 'int'],
  [{ name: 'smallint' }, 'int'],
  [{ name: 'int' }, 'int'],
  [{ name: 'bigint' }, 'long'],
  [
    { name: 'decimal', precision: 38, scale: 10 },
    { kind: 'decimal', precision: 38, scale: 10 },
  ],
  [{ name: 'numeric' }, { kind: 'decimal', precision: 18, scale: 0 }],
  [{ name: 'money' }, { kind: 'decimal', precision: 19, scale: 4 }],
  [{ name: 'smallmoney' }, { kind: 'decimal', precision: 10, scale: 4 }],
  [{ name: 'real' }, 'float'],
  [{ name: 'float' }, 'double'],
  [{ name: 'date' }, 'date'],
  [{ name: 'time', scale: 7 }, 'time'],
  [{ name: 'datetime' }, 'timestamp'],
  [{ name: 'smalldatetime' }, 'timestamp'],
  [{ name: 'datetime2', scale: 3 }, 'timestamp'],
  [{ name: 'datetimeoffset', scale: 7 }, 'timestamptz'],
  [{ name: 'char', length: 10 }, 'string'],
  [{ name: 'varchar', length: 'max' }, 'string'],
  [{ name: 'nchar', length: 10 }, 'string'],
  [{ name: 'nvarchar', length: 20 }, 'string'],
  [{ name: 'text' }, 'string'],
  [{ name: 'ntext' }, 'string'],
  [{ name: 'binary', length: 8 }, 'binary'],
  [{ name: 'varbinary', length: 'max' }, 'binary'],
  [{ name: 'image' }, 'binary'],
  [{ name: 'rowversion' }, 'binary'],
  [{ name: 'uniqueidentifier' }, 'uuid'],
  [{ name: 'xml' }, 'string'],
  [{ name: 'json' }, 'string'],
  [{ name: 'vector', length: 3 }, 'string'],
  [{ name: 'hierarchyid' }, 'binary'],
  [{ name: 'geography' }, 'binary'],
  [{ name: 'geometry' }, 'binary'],
  [{ name: 'sql_variant' }, 'string'],
]

test.each(contract)('%o becomes %o and is exact', (type, expected) => {
  const plan = planJournal(definition([column(1, 'c', type, { nullable: false })]))
  expect(plan.problems).toEqual([])
  expect(fieldTypes(plan)['c']).toEqual(expected)
  expect(plan.columns[0]?.verdict).toBe('exact')
})

test('bookkeeping comes first, then the source columns, then their companions, all of them optional', () => {
  const plan = planJournal(
    definition([
      column(1, 'id', { name: 'int' }, { nullable: false }),
      column(2, 'at', { name: 'datetimeoffset', scale: 7 }),
      column(3, 'any', { name: 'sql_variant' }),
      column(4, 'day', { name: 'datetime2', scale: 7 }),
    ]),
  )
  const { fields } = plan.create.schema
  expect(fields.map(({ name }) => name).slice(0, 9)).toEqual([
    '_sync_seq',
    '_sync_op',
    '_sync_at',
    '_sync_version',
    '_sync_batch',
    'id',
    'at',
    'any',
    'day',
  ])
  expect(
    fields
      .map(({ name }) => name)
      .slice(9)
      .toSorted(),
  ).toEqual(['_sync_ns100_at', '_sync_ns100_day', '_sync_offset_at', '_sync_variant_any'])
  expect(fields.slice(5).every(({ required }) => !required)).toBe(true)
  expect(fields.map(({ id }) => id)).toEqual(fields.map((_, at) => at + 1))
  expect(plan.create.schema.identifierFieldIds).toEqual([])
  expect(fields.find(({ name }) => name === 'at')?.doc).toBe('datetimeoffset(7)')
})

test('the table is partitioned by day of _sync_at, sorted by _sync_seq, with full metrics on it', () => {
  const { create } = planJournal(orders)
  expect(create.partitionSpec?.fields).toMatchObject([
    { sourceIds: [3], transform: { kind: 'day' }, name: '_sync_at_day' },
  ])
  expect(create.sortOrder?.fields).toMatchObject([
    { sourceIds: [1], transform: { kind: 'identity' }, direction: 'asc' },
  ])
  expect(create.properties).toMatchObject({ 'write.metadata.metrics.column._sync_seq': 'full' })
  expect(create.formatVersion).toBe(2)
  expect(planJournal(orders, { formatVersion: 3 }).create.formatVersion).toBe(3)
})

test('the columns of the primary key have bloom filters, unless the properties say otherwise', () => {
  const [column] = orders.keys.find(({ kind }) => kind === 'primary-key')?.columns ?? []
  const enabled = `write.parquet.bloom-filter-enabled.column.${column?.name}`
  const blooms = Object.entries(planJournal(orders).create.properties ?? {}).filter(([name]) => name.includes('bloom'))
  expect(Object.fromEntries(blooms)).toEqual({
    [enabled]: 'true',
    [`write.parquet.bloom-filter-fpp.column.${column?.name}`]: '0.05',
  })
  const off = planJournal(orders, { properties: { [enabled]: 'false' } }).create.properties
  expect(off).toMatchObject({ [enabled]: 'false' })
})

test('the property icebridge.columns is keyed by field id and holds the exact definition', () => {
  const { create } = planJournal(orders)
  const columns = JSON.parse(create.properties?.[journalProperty.columns] ?? '')
  expect(columns.fields['7']).toEqual({ role: 'value', definition: orders.columns[1] })
})

test('timestamps as micros do without the 100 ns companions and say what is lost', () => {
  const table = definition([
    column(1, 'a', { name: 'datetime2', scale: 7 }),
    column(2, 'b', { name: 'datetime2', scale: 6 }),
    column(3, 'c', { name: 'datetimeoffset' }),
  ])
  const plan = planJournal(table, { timestamps: 'micros' })
  expect(plan.columns.map(({ verdict, loss }) => [verdict, loss])).toEqual([
    ['loses', 'the 100 ns digit'],
    ['exact', undefined],
    ['loses', 'the 100 ns digit'],
  ])
  expect(plan.reads.map(({ name }) => name)).toEqual(['a', 'b', 'c', '_sync_offset_c'])
})

test('time as micros is a long; as time it carries a note about Spark', () => {
  const table = definition([column(1, 't', { name: 'time', scale: 3 })])
  expect(fieldTypes(planJournal(table, { time: 'micros' }))['t']).toBe('long')
  expect(planJournal(table, { time: 'micros' }).columns[0]?.note).toBeUndefined()
  expect(planJournal(table).columns[0]?.note).toContain('Spark')
})

test('every problem is collected, and names table, column and type', () => {
  const table = definition([
    column(1, '_Sync_seq', { name: 'int' }),
    column(2, '_FILE', { name: 'int' }),
    column(3, 'a', { name: 'int' }),
    column(4, 'A', { name: 'int' }),
    // A type of a server newer than the contract.
    column(5, 'x', { name: 'quaternion' as SqlType['name'] }),
  ])
  const { problems, columns } = planJournal(table)
  expect(problems.map(({ code, column: name }) => [code, name])).toEqual([
    ['reserved-column', '_Sync_seq'],
    ['reserved-column', '_FILE'],
    ['column-collision', 'A'],
    ['unsupported-type', 'x'],
  ])
  expect(problems[3]?.message).toMatch(/dbo\.orders.*quaternion/)
  expect(columns.at(-1)?.verdict).toBe('refused')
})
