import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchOfRows, batchRows, type PlainValue, randomRows, seededRandom } from '@icebridge/columnar/testing'
import { bindExpression, eq, type Expression, type FileIO, isIn, type NestedField } from '@icebridge/iceberg-core'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, readParquet, writeParquet } from '@icebridge/iceberg-io'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query, scalarFields, schemaOf } from './written.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'icebridge-blooms-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const keyed = scalarFields.filter(({ name }) => !['c_boolean', 'c_float', 'c_double'].includes(name))

/** The rows of the row groups that a filter leaves. */
async function lookUp(
  bytes: Uint8Array,
  fields: readonly NestedField[],
  filter: Expression,
): Promise<{ readonly rows: PlainValue[][] }> {
  const io: FileIO = {
    stat: async () => ({ sizeBytes: bytes.length }),
    read: async (_path, options) => bytes.subarray(options?.range?.start, options?.range?.end),
  } as Partial<FileIO> as FileIO
  const rows: PlainValue[][] = []
  const bound = bindExpression(filter, schemaOf(fields))
  for await (const batch of readParquet(io, '/f', { fields, filter: bound })) rows.push(...batchRows(batch))
  return { rows }
}

/** A plain value as a literal of a filter. */
function literal(field: NestedField, value: PlainValue | undefined): bigint | number | string | Uint8Array {
  if (typeof value === 'bigint' || typeof value === 'number') return value
  const text = String(value)
  if (field.type === 'string') return text
  if (field.type === 'uuid') return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return Buffer.from(text, 'hex')
}

describe('bloom filters', { timeout: 60_000 }, () => {
  it.each(keyed.map((field) => [field.name, field] as const))(
    'of %s pass over row groups that lack a value, and none that has it',
    async (name, field) => {
      const fields = [field]
      const random = seededRandom(name.length)
      const rows = randomRows(columnFieldsOf(schemaOf(fields)), 400, random)
      const [stored, others] = [rows.slice(0, 200), rows.slice(200)]
      const io = new InMemoryFileIO()
      await writeParquet(io, '/f', [batchOfRows(columnFieldsOf(schemaOf(fields)), stored)], {
        schema: schemaOf(fields),
        properties: { [`write.parquet.bloom-filter-enabled.column.${name}`]: 'true' },
        rowGroupRows: 100,
      })
      const bytes = io.files.get('/f') ?? new Uint8Array(0)
      const has = new Set(stored.map(([value]) => value))
      let passedOver = 0
      for (const [value] of [...stored, ...others]) {
        if (value === null) continue
        const { rows: found } = await lookUp(bytes, fields, eq(name, literal(field, value)))
        const times = (all: readonly PlainValue[][]): number => all.filter(([other]) => other === value).length
        expect(times(found)).toBe(times(stored))
        if (!has.has(value ?? null) && found.length === 0) passedOver++
      }
      const absent = new Set(
        others.map(([value]) => value ?? null).filter((value) => value !== null && !has.has(value)),
      )
      // One in a hundred is taken for present; values outside of the bounds need no filter.
      expect(passedOver).toBeGreaterThan(absent.size * 0.8)
      const { rows: none } = await lookUp(bytes, fields, isIn(name, []))
      expect(none).toEqual([])
    },
  )

  it('are the ones that DuckDB expects, value by value', async () => {
    const random = seededRandom(1)
    const fields = keyed.filter(({ name }) => ['c_int', 'c_long', 'c_string'].includes(name))
    const rows = randomRows(columnFieldsOf(schemaOf(fields)), 3000, random)
    const io = new InMemoryFileIO()
    const enabled = fields.map(({ name }) => [`write.parquet.bloom-filter-enabled.column.${name}`, 'true'] as const)
    await writeParquet(io, '/f', [batchOfRows(columnFieldsOf(schemaOf(fields)), rows)], {
      schema: schemaOf(fields),
      properties: Object.fromEntries(enabled),
    })
    const path = join(folder, 'ours.parquet')
    writeFileSync(path, io.files.get('/f') ?? '')
    for (const [index, { name }] of fields.entries()) {
      for (const row of rows.slice(0, 100)) {
        const value = row[index]
        if (value === null || value === undefined || String(value).includes('\0')) continue
        const text = typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
        const [probe] = await query(
          `select bloom_filter_excludes from parquet_bloom_probe('${path}', '${name}', ${text})`,
        )
        expect(probe).toEqual([false])
      }
      const absent = name === 'c_string' ? `'not there'` : '123456789'
      expect(
        await query(`select bloom_filter_excludes from parquet_bloom_probe('${path}', '${name}', ${absent})`),
      ).toEqual([[true]])
    }
  })

  it('of DuckDB are understood', async () => {
    const path = join(folder, 'theirs.parquet')
    await query(
      `copy (select (i % 500 * 2)::bigint as k, 'name ' || (i % 500 * 2) as name from range(20000) r(i))
       to '${path}' (format parquet, field_ids {k: 1, name: 2})`,
    )
    const fields: NestedField[] = [
      { id: 1, name: 'k', required: false, type: 'long' },
      { id: 2, name: 'name', required: false, type: 'string' },
    ]
    const bytes = readFileSync(path)
    let wrong = 0
    for (let value = 0; value < 200; value++) {
      for (const filter of [eq('k', BigInt(value)), eq('name', `name ${value}`)]) {
        const { rows } = await lookUp(bytes, fields, filter)
        if (value % 2 === 0) expect(rows.length).toBeGreaterThan(0)
        else if (rows.length > 0) wrong++
      }
    }
    expect(wrong).toBeLessThan(15)
  })
})
