import { keyOf, type SqlServer } from '@icebridge/sqlserver'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Fixture } from './fixture.ts'

let fixture: Fixture
let database: SqlServer

beforeAll(async () => {
  fixture = await Fixture.open()
  database = await fixture.database()
  await database.batch('CREATE SCHEMA [odd schema]')
  await database.batch(
    'CREATE TABLE [dbo].[customers] ([id] int NOT NULL PRIMARY KEY, [code] nvarchar(10) NOT NULL UNIQUE)',
  )
  await database.batch(
    [
      'CREATE TABLE [dbo].[orders] (',
      '[id] int NOT NULL IDENTITY(5, 2), [customer] int NOT NULL, [total] decimal(38,10) NULL, [at] datetime2(3) NOT NULL,',
      '[note] nvarchar(max) NULL, [short] varchar(12) NULL, [flag] bit NOT NULL DEFAULT (1), [rv] rowversion NOT NULL,',
      '[raw] varbinary(16) NULL, [f] real NULL,',
      'CONSTRAINT [pk_orders] PRIMARY KEY CLUSTERED ([id]),',
      'CONSTRAINT [fk_customer] FOREIGN KEY ([customer]) REFERENCES [dbo].[customers] ([id]))',
    ].join(' '),
  )
  await database.batch('CREATE TABLE [odd schema].[o\'rd]]ers "x"] ([a]]b] int NOT NULL, [select] int NULL)')
})
afterAll(async () => {
  await fixture.close()
})

it('lists user tables by schema and name', async () => {
  expect(await database.discoverTables()).toEqual([
    { schema: 'dbo', name: 'customers' },
    { schema: 'dbo', name: 'orders' },
    { schema: 'odd schema', name: 'o\'rd]ers "x"' },
  ])
  expect(await database.discoverTables({ schema: 'odd schema' })).toEqual([
    { schema: 'odd schema', name: 'o\'rd]ers "x"' },
  ])
})

it('describes columns with their types, identity, defaults and rowversion', async () => {
  const orders = await database.describeTable({ schema: 'dbo', name: 'orders' })
  expect(orders.columns.map((column) => [column.name, column.type.name, column.nullable])).toEqual([
    ['id', 'int', false],
    ['customer', 'int', false],
    ['total', 'decimal', true],
    ['at', 'datetime2', false],
    ['note', 'nvarchar', true],
    ['short', 'varchar', true],
    ['flag', 'bit', false],
    ['rv', 'rowversion', false],
    ['raw', 'varbinary', true],
    ['f', 'real', true],
  ])
  const of = (name: string) => orders.columns.find((column) => column.name === name)
  expect(of('id')?.identity).toEqual({ seed: '5', increment: '2' })
  expect(of('total')?.type).toEqual({ name: 'decimal', precision: 38, scale: 10 })
  expect(of('at')?.type).toEqual({ name: 'datetime2', scale: 3 })
  expect(of('note')?.type).toMatchObject({ name: 'nvarchar', length: 'max' })
  expect(of('short')?.type).toMatchObject({ name: 'varchar', length: 12, collation: of('short')?.collation })
  expect(of('short')?.collation).toBe(database.identity.databaseCollation)
  expect(of('raw')?.type).toEqual({ name: 'varbinary', length: 16 })
  expect(of('flag')?.defaultExpression).toContain('1')
  expect(of('rv')?.rowversion).toBe(true)
  expect(of('id')?.rowversion).toBe(false)
})

it('finds the primary key first, and knows of other unique keys and foreign keys', async () => {
  const orders = await database.describeTable({ schema: 'dbo', name: 'orders' })
  expect(keyOf(orders)).toEqual({
    name: 'pk_orders',
    kind: 'primary-key',
    clustered: true,
    columns: [{ name: 'id', descending: false }],
    filtered: false,
  })
  expect(orders).toMatchObject({
    foreignKeys: 1,
    secondaryUniqueIndexes: false,
    triggers: false,
    temporal: false,
    rowFilter: false,
  })
  const customers = await database.describeTable({ schema: 'dbo', name: 'customers' })
  expect(customers).toMatchObject({ foreignKeys: 1, secondaryUniqueIndexes: true })
  expect(customers.keys.map((key) => key.kind)).toEqual(['primary-key', 'unique-constraint'])
})

it('describes tables whose names need quoting', async () => {
  const odd = await database.describeTable({ schema: 'odd schema', name: 'o\'rd]ers "x"' })
  expect(odd.columns.map((column) => column.name)).toEqual(['a]b', 'select'])
  expect(keyOf(odd)).toBeUndefined()
})

it('suggests near names for a table that is not there', async () => {
  await expect(database.describeTable({ schema: 'dbo', name: 'order' })).rejects.toMatchObject({
    code: 'no-such-table',
    hint: 'Did you mean dbo.orders?',
  })
  await expect(database.describeTable({ schema: 'sales', name: 'Orders' })).rejects.toMatchObject({
    hint: expect.stringMatching(/dbo\.orders/),
  })
  await expect(database.describeTable({ schema: 'dbo', name: 'zebra' })).rejects.toMatchObject({
    hint: expect.stringMatching(/Check/),
  })
})
