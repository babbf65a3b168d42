import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { SqlServer } from '@icebridge/sqlserver'
import {
  createTypeTable,
  fillTypeTable,
  openTestServer,
  typeTables,
  typeTableTexts,
} from '@icebridge/sqlserver/testing'
import { IncrementalSyncCoordinator } from '@icebridge/sync'
import { expect, test } from 'vitest'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'

/** A line of interop/type_tables.py. */
interface Line {
  readonly table: string
  readonly id: number
  readonly texts: Readonly<Record<string, string | null>>
}

const python = await findPython()
if ('missing' in python) console.warn(`the types in the lake are not checked: ${python.missing}`)

test('PyIceberg reads in the lake, of every type, what the server holds', { timeout: 300_000 }, async (context) => {
  if ('missing' in python) return context.skip(python.missing)
  await using server = await openTestServer()
  const tables = typeTables.filter(({ needs }) => needs.every((name) => server.capabilities.has(name)))
  const left = typeTables.filter((table) => !tables.includes(table))
  if (left.length > 0) console.warn(`the server lacks what these need: ${left.map(({ name }) => name).join(', ')}`)
  await using source = await SqlServer.connect(await server.createDatabase('source'))
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-types-'))
  try {
    const io = new LocalFileIO()
    const path = join(folder, 'catalog.db')
    await using catalog = await SqlCatalog.openSqlite({
      name: 'icebridge',
      path,
      warehouse: folder,
      io,
      environment: systemEnvironment,
    })
    const coordinator = new IncrementalSyncCoordinator({
      source: { name: 'erp', server: source },
      lake: { catalog, io },
      environment: systemEnvironment,
    })
    for (const table of tables) {
      const statements = [...table.before, createTypeTable(table), ...fillTypeTable(table, { seed: 'lake' })]
      for (const statement of statements) await source.batch(statement)
      await coordinator.extract({ table: { schema: 'dbo', name: table.name } })
    }

    const lines = (await output(python.path, [join(root, 'checks/interop/type_tables.py'), path, 'icebridge', folder]))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line) // the shape that the script prints
    const theirs = Map.groupBy(lines, ({ table }) => table)
    expect([...theirs.keys()].sort()).toEqual(tables.map(({ name }) => `${name}__changes`).sort())
    for (const table of tables) {
      const rows = (theirs.get(`${table.name}__changes`) ?? []).toSorted((a, b) => a.id - b.id)
      const held = await source.query({ text: typeTableTexts(table) })
      expect(rows.map(({ id }) => id)).toEqual(held.map(({ id }) => id))
      const differences = held.flatMap(({ id, ...texts }, index) => {
        const lake = rows[index]?.texts ?? {}
        return Object.entries(texts)
          .filter(([name, text]) => lake[name] !== text)
          .map(([name, text]) => ({ id, name, text, lake: lake[name] }))
      })
      expect({ table: table.name, differences: differences.slice(0, 5), count: differences.length }).toEqual({
        table: table.name,
        differences: [],
        count: 0,
      })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
