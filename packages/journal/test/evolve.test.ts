import { Journal, definitionOf } from '@icebridge/journal'
import type { TableDefinition } from '@icebridge/sqlserver'
import { expect, test } from 'vitest'
import {
  column,
  definition,
  extracted,
  headOf,
  newJournal,
  orders,
  readOn,
  rowsOfRead,
  someRows,
  testLake,
} from './support.ts'

const identifier = { namespace: ['erp_dbo'], name: 'orders__changes' }

function typesOf(journal: Journal): Readonly<Record<string, readonly [number, unknown]>> {
  const { metadata } = journal.table.loaded
  const schema = metadata.schemas.find(({ schemaId }) => schemaId === metadata.currentSchemaId)
  return Object.fromEntries(schema!.fields.map(({ name, id, type }) => [name, [id, type]]))
}

const wide: TableDefinition = {
  ...definition([
    column(1, 'id', { name: 'int' }, { nullable: false, identity: { seed: '1', increment: '1' } }),
    column(2, 'code', { name: 'varchar', length: 12 }, { collation: 'Latin1_General_BIN2', aliasType: 'dbo.Code' }),
    column(4, 'total', { name: 'decimal', precision: 38, scale: 10 }, { defaultExpression: '((0))' }),
    column(5, 'twice', { name: 'int' }, { computed: { expression: '([id]*(2))', persisted: false } }),
    column(6, 'at', { name: 'datetimeoffset', scale: 7 }),
    column(7, 'any', { name: 'sql_variant' }),
    column(8, 'v', { name: 'rowversion' }, { nullable: false }),
  ]),
  secondaryUniqueIndexes: true,
  rowCount: 12n,
}

test('the definition comes back from the lake alone', async () => {
  const lake = testLake()
  await newJournal(lake, wide)
  const journal = await Journal.open(lake, identifier)
  expect(definitionOf(journal!)).toEqual({ ...wide, rowCount: 0n })
  expect(
    journal!.columns
      .find(({ name }) => name === 'at')
      ?.companions.map(({ role }) => role)
      .toSorted(),
  ).toEqual(['ns100', 'offset'])
})

test('there is no journal where there is no table, nor one in a table of somebody else', async () => {
  const lake = testLake()
  expect(await Journal.open(lake, identifier)).toBeUndefined()
  await lake.catalog.createNamespace(['erp_dbo'])
  expect(await Journal.open(lake, identifier)).toBeUndefined()
  await lake.catalog.createTable(identifier, {
    schema: { schemaId: 0, fields: [{ id: 1, name: 'x', required: false, type: 'int' }], identifierFieldIds: [] },
  })
  await expect(Journal.open(lake, identifier)).rejects.toMatchObject({ code: 'not-a-journal' })
})

test('a journal of a newer layout is refused', async () => {
  const lake = testLake()
  await newJournal(lake, orders, { properties: {} })
  const { loaded } = (await Journal.open(lake, identifier))!.table
  await lake.catalog.commitTable(identifier, {
    base: loaded,
    requirements: [],
    updates: [{ action: 'set-properties', updates: { 'icebridge.journal-version': '2' } }],
  })
  await expect(Journal.open(lake, identifier)).rejects.toMatchObject({ code: 'newer-version' })
})

test('who comes second to create a journal opens the one that is there', async () => {
  const lake = testLake()
  const [a, b] = [await newJournal(lake), await newJournal(lake)]
  expect(b.tableUuid).toBe(a.tableUuid)
})

test('a plan with problems writes nothing', async () => {
  const lake = testLake()
  await expect(newJournal(lake, definition([column(1, '_sync_x', { name: 'int' })]))).rejects.toMatchObject({
    code: 'plan',
    problems: [{ code: 'reserved-column' }],
  })
  expect(await lake.catalog.listNamespaces()).toEqual([])
})

test('nothing is committed when nothing changed', async () => {
  const lake = testLake()
  const journal = await newJournal(lake, wide)
  const evolution = await journal.evolve(wide)
  expect(evolution).toMatchObject({ added: [], promoted: [], replaced: [], dropped: [], needsReload: false })
  expect(evolution.journal).toBe(journal)
  expect(lake.catalog.commits).toEqual([])
})

test('a column that the source gained is added with an id of its own, in a commit of its own', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const more = { ...orders, columns: [...orders.columns, column(3, 'day', { name: 'datetime2', scale: 7 })] }
  const before = await journal.refresh()
  const evolution = await before.evolve(more)
  expect(evolution).toMatchObject({ added: ['day'], needsReload: false })
  expect(typesOf(evolution.journal)).toMatchObject({
    ...typesOf(before),
    day: [8, 'timestamp'],
    _sync_ns100_day: [9, 'int'],
  })
  expect(definitionOf(evolution.journal).columns).toEqual(more.columns)
  expect((await evolution.journal.head()).sequence).toBe(2n)
  await extracted(evolution.journal, lake, { watermark: '2', rows: [someRows(1, 3)] })
  expect((await rowsOfRead(await readOn(journal, undefined))).map(({ id }) => id)).toEqual([1, 2, 3])
})

test.each([
  ['NOT NULL', { nullable: false }],
  ['with a default', { defaultExpression: '((1))' }],
  ['computed', { computed: { expression: '([id])', persisted: false } }],
])('a new column that is %s needs a reload, since rows that are there were born with a value', async (_what, more) => {
  const journal = await newJournal(testLake())
  const table = { ...orders, columns: [...orders.columns, column(3, 'x', { name: 'int' }, more)] }
  expect(await journal.evolve(table)).toMatchObject({ added: ['x'], needsReload: true })
})

test('a type that Iceberg widens is widened in place', async () => {
  const lake = testLake()
  const journal = await newJournal(
    lake,
    definition([
      column(1, 'id', { name: 'int' }),
      column(2, 'f', { name: 'real' }),
      column(3, 'd', { name: 'decimal', precision: 10, scale: 2 }),
      column(4, 's', { name: 'varchar', length: 5 }),
    ]),
  )
  const table = definition([
    column(1, 'id', { name: 'bigint' }),
    column(2, 'f', { name: 'float' }),
    column(3, 'd', { name: 'decimal', precision: 20, scale: 2 }),
    column(4, 's', { name: 'nvarchar', length: 'max' }),
  ])
  const evolution = await journal.evolve(table)
  expect(evolution).toMatchObject({ promoted: ['id', 'f', 'd'], replaced: [], needsReload: false })
  expect(typesOf(evolution.journal)).toMatchObject({
    id: [6, 'long'],
    f: [7, 'double'],
    d: [8, { kind: 'decimal', precision: 20, scale: 2 }],
    s: [9, 'string'],
  })
  expect(definitionOf(evolution.journal).columns).toEqual(table.columns)
})

test('any other change of type gives the name to a new field and keeps the old one', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const table = definition([orders.columns[0]!, column(2, 'name', { name: 'date' })])
  const evolution = await (await journal.refresh()).evolve(table)
  expect(evolution).toMatchObject({ replaced: ['name'], needsReload: true })
  expect(typesOf(evolution.journal)).toMatchObject({ name: [8, 'date'], _sync_retired_7_name: [7, 'string'] })
  expect(evolution.journal.columns.find(({ fieldId }) => fieldId === 7)).toMatchObject({ retired: true })
  expect(definitionOf(evolution.journal).columns).toEqual(table.columns)
})

test('types that share an Iceberg type but not its meaning are no widening', async () => {
  const journal = await newJournal(testLake(), definition([column(1, 'a', { name: 'varbinary', length: 10 })]))
  const evolution = await journal.evolve(definition([column(1, 'a', { name: 'hierarchyid' })]))
  expect(evolution).toMatchObject({ replaced: ['a'], promoted: [] })
})

test('a column that the source lost stays, and needs a reload when it comes back', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const without = definition([orders.columns[0]!])
  const { journal: later, dropped } = await journal.evolve(without)
  expect(dropped).toEqual(['name'])
  expect(typesOf(later)).toEqual(typesOf(journal))
  expect(definitionOf(later)).toEqual(without)
  const back = await later.evolve(orders)
  expect(back).toMatchObject({ added: ['name'], needsReload: true })
  expect(typesOf(back.journal)).toEqual(typesOf(journal))
  expect(definitionOf(back.journal)).toEqual(orders)
})

test('a column that comes back in other letters retires the one that was dropped', async () => {
  const journal = await newJournal(testLake())
  const { journal: later } = await journal.evolve(definition([orders.columns[0]!]))
  const { journal: last, added } = await later.evolve(
    definition([orders.columns[0]!, column(2, 'Name', { name: 'int' })]),
  )
  expect(added).toEqual(['Name'])
  expect(typesOf(last)).toMatchObject({ Name: [8, 'int'], _sync_retired_7_name: [7, 'string'] })
})

test.each(['lost-after-commit', 'lost-before-commit', 'conflict'] as const)(
  'an evolution whose commit meets %s is there in the end, once',
  async (fault) => {
    const lake = testLake()
    const journal = await newJournal(lake)
    lake.catalog.faults.push(fault)
    const more = { ...orders, columns: [...orders.columns, column(3, 'x', { name: 'int' })] }
    const evolution = await journal.evolve(more)
    expect(evolution.added).toEqual(['x'])
    expect(typesOf(evolution.journal)['x']).toEqual([8, 'int'])
    expect(evolution.journal.table.loaded.metadata.lastColumnId).toBe(8)
  },
)

test('a reload that a changed column asks for stays due until a load is complete, whoever opens the journal', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(1, 2)] })
  const table = { ...orders, columns: [...orders.columns, column(3, 'x', { name: 'int' }, { nullable: false })] }
  const evolved = (await (await journal.refresh()).evolve(table)).journal
  expect(evolved.reloadDue).toBe(true)
  const opened = await evolved.refresh()
  expect((await opened.evolve(table)).journal.reloadDue).toBe(true)
  await using batch = await opened.beginBatch({
    base: await opened.head(),
    batchId: lake.environment.uuid(),
    mode: 'load',
  })
  await batch.write(someRows(1, 2), { op: 'upsert' })
  expect(await batch.commit({ watermark: '2', strategy: 'test' })).toMatchObject({ status: 'committed' })
  expect((await opened.refresh()).reloadDue).toBe(false)
})

test('a load that had begun before a column changed does not settle the reload that the change asks for', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const chunk = async (loadId: string, number: number): Promise<boolean> => {
    const load = { loadId, handover: '1', chunk: number, chunks: 2 }
    await extracted(journal, lake, { watermark: '1', rows: [someRows(1)], mode: 'load', load })
    return (await journal.refresh()).reloadDue
  }
  const [first, second] = [lake.environment.uuid(), lake.environment.uuid()]
  expect(await chunk(first, 1)).toBe(false)
  expect((await journal.refresh()).unfinishedLoad(await headOf(journal))).toMatchObject({ loadId: first })
  const table = definition([
    orders.columns[0]!,
    column(2, 'name', { name: 'varchar', length: 9 }),
    column(3, 'x', { name: 'int' }, { nullable: false }),
  ])
  expect((await (await journal.refresh()).evolve(table)).needsReload).toBe(true)
  expect((await journal.refresh()).unfinishedLoad(await headOf(journal))).toBeUndefined()
  expect(await chunk(first, 2)).toBe(true)
  expect(await chunk(second, 1)).toBe(true)
  expect((await journal.refresh()).unfinishedLoad(await headOf(journal))).toMatchObject({ loadId: second })
  expect(await chunk(second, 2)).toBe(false)
})
