import { quoteName } from '@icebridge/sqlserver'
import { countOnlyIn, createTypeTable, fillTypeTable, typeTableRows, typeTables } from '@icebridge/sqlserver/testing'
import type { TypeTable } from '@icebridge/sqlserver/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bench } from './bench.ts'

const seed = 'icebridge'
const bench = await Bench.open()
afterAll(() => bench[Symbol.asyncDispose]())

function databaseOf(side: 'source' | 'target'): string {
  return quoteName(bench.server.config(side).database ?? '')
}

/** The table in both databases, as T-SQL names it from either. */
function names(table: TypeTable): readonly [source: string, target: string] {
  return [`${databaseOf('source')}.[dbo].[${table.name}]`, `${databaseOf('target')}.[dbo].[${table.name}]`]
}

async function numberOf(text: string): Promise<number> {
  const [row] = await bench.source.query({ text })
  return Number(row?.['n'])
}

for (const table of typeTables) {
  const missing = table.needs.filter((name) => !bench.server.capabilities.has(name))
  const types = table.columns.map(({ declaration }) => declaration)
  const title = `${table.name}: ${types.length > 8 ? `${types[0]} to ${types.at(-1)}` : types.join(', ')}`

  describe.skipIf(missing.length > 0)(
    missing.length > 0 ? `${title} (the server lacks ${missing.join(', ')})` : title,
    () => {
      beforeAll(async () => {
        for (const statement of [...table.before, createTypeTable(table), ...fillTypeTable(table, { seed })]) {
          await bench.source.batch(statement)
        }
      }, 60_000)

      test('source and target hold the same bits after the loop', { timeout: 60_000 }, async () => {
        const rows = typeTableRows(table)
        const result = await bench.coordinator().sync({ table: { schema: 'dbo', name: table.name } })
        expect(result.apply).toMatchObject({ status: 'applied', createdTarget: true, inserted: BigInt(rows) })
        const [source, target] = names(table)
        expect(await numberOf(`SELECT COUNT(*) AS [n] FROM ${source}`)).toBe(rows)
        expect(await numberOf(`SELECT COUNT(*) AS [n] FROM ${target}`)).toBe(rows)
        expect(await numberOf(countOnlyIn(table, source, target))).toBe(0)
        expect(await numberOf(countOnlyIn(table, target, source))).toBe(0)
      })
    },
  )
}
