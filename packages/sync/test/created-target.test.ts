import type { SqlServer } from '@icebridge/sqlserver'
import { expect, test } from 'vitest'
import { typeTables } from '@icebridge/sqlserver/testing'
import { Bench } from './bench.ts'

/** Every column of a table as the catalog views have it, alias types as their base. */
async function columnsOf(server: SqlServer, table: string) {
  return await server.query({
    text: [
      'SELECT c.[name], b.[name] AS [type], CONVERT(int, c.[max_length]) AS [length], CONVERT(int, c.[precision]) AS [precision],',
      'CONVERT(int, c.[scale]) AS [scale], c.[collation_name] AS [collation], c.[is_nullable] AS [nullable],',
      'c.[is_identity] AS [identity], CONVERT(nvarchar(40), i.[seed_value]) AS [seed],',
      'CONVERT(nvarchar(40), i.[increment_value]) AS [increment], c.[is_sparse] AS [sparse], c.[is_computed] AS [computed]',
      'FROM sys.columns AS c',
      // The CLR types have one system type between them, and no alias.
      'JOIN sys.types AS b ON b.[user_type_id] = CASE WHEN c.[system_type_id] = 240 THEN c.[user_type_id] ELSE c.[system_type_id] END',
      'LEFT JOIN sys.identity_columns AS i ON i.[object_id] = c.[object_id] AND i.[column_id] = c.[column_id]',
      `WHERE c.[object_id] = OBJECT_ID(N'[dbo].[${table}]') ORDER BY c.[column_id]`,
    ].join(' '),
  })
}

async function keysOf(server: SqlServer, table: string) {
  return await server.query({
    text: [
      'SELECT x.[name], x.[is_primary_key] AS [primary], x.[is_unique_constraint] AS [constraint], x.[type_desc] AS [type],',
      'c.[name] AS [column], k.[is_descending_key] AS [descending], CONVERT(int, k.[key_ordinal]) AS [ordinal]',
      'FROM sys.indexes AS x JOIN sys.index_columns AS k ON k.[object_id] = x.[object_id] AND k.[index_id] = x.[index_id]',
      'JOIN sys.columns AS c ON c.[object_id] = k.[object_id] AND c.[column_id] = k.[column_id]',
      `WHERE x.[object_id] = OBJECT_ID(N'[dbo].[${table}]') AND x.[is_unique] = 1 ORDER BY x.[name], k.[key_ordinal]`,
    ].join(' '),
  })
}

const keys = [
  ['a clustered primary key', 'CONSTRAINT [key] PRIMARY KEY CLUSTERED ([line] DESC, [code])'],
  ['a nonclustered primary key', 'CONSTRAINT [key] PRIMARY KEY NONCLUSTERED ([code], [line] DESC)'],
  ['a unique constraint', 'CONSTRAINT [key] UNIQUE CLUSTERED ([code] DESC, [line])'],
] as const

test.each(keys)(
  'a target made from the lake alone is the source, every type and %s',
  async (_, key) => {
    await using bench = await Bench.open()
    const tables = typeTables.filter(({ needs }) => needs.every((name) => bench.server.capabilities.has(name)))
    for (const statement of tables.flatMap(({ before }) => before)) await bench.source.batch(statement)
    const columns = tables
      .flatMap((table) => table.columns)
      .map(({ name, declaration }) => `[${name}] ${declaration}${declaration.startsWith('AS ') ? '' : ' NULL'}`)
    const create = [
      'CREATE TABLE [dbo].[everything] (',
      '[code] nvarchar(20) COLLATE Latin1_General_BIN2 NOT NULL, [line] smallint NOT NULL,',
      `[row] decimal(20,0) IDENTITY(9000000000000000, 7) NOT NULL, ${columns.join(', ')}, [rv] rowversion NOT NULL, ${key})`,
    ]
    await bench.source.batch(create.join(' '))
    await bench.source.batch("INSERT INTO [dbo].[everything] ([code], [line]) VALUES (N'a', 1)")
    const expected = {
      columns: (await columnsOf(bench.source, 'everything')).map((column) => ({
        ...column,
        ...(column['name'] === 'rv' ? { type: 'binary' } : {}),
        computed: false,
      })),
      keys: await keysOf(bench.source, 'everything'),
    }
    const table = { table: { schema: 'dbo', name: 'everything' } }
    await bench.coordinator().extract(table)
    await bench.source.batch('DROP TABLE [dbo].[everything]')

    expect(await bench.coordinator().apply(table)).toMatchObject({ createdTarget: true, inserted: 1n })

    expect(await bench.target.query({ text: 'SELECT [row] FROM [dbo].[everything]' })).toEqual([
      { row: '9000000000000000' },
    ])
    expect(expected.columns.length).toBeGreaterThan(100)
    expect(expected.keys).toHaveLength(2)
    expect(await columnsOf(bench.target, 'everything')).toEqual(expected.columns)
    expect(await keysOf(bench.target, 'everything')).toEqual(expected.keys)
  },
  60_000,
)
