import { batchRows, type PlainValue } from '@icebridge/columnar/testing'
import { and, eq, gteq, isNull, lt, type NestedField, or, type Type } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import { beforeAll, describe, expect, it } from 'vitest'
import { appended, newTable } from './lake.ts'

const struct = (...fields: readonly NestedField[]): Type => ({ kind: 'struct', fields })
const field = (id: number, name: string, type: Type): NestedField => ({ id, name, required: false, type })

const fields = [
  field(1, 'id', 'long'),
  field(
    2,
    'a',
    struct(
      field(3, 'b', 'int'),
      field(4, 'c', 'string'),
      field(5, 'd', struct(field(6, 'e', 'long'), field(7, 'f', 'int'))),
    ),
  ),
]

const rows: readonly PlainValue[][] = Array.from({ length: 200 }, (_, row) => [
  BigInt(row),
  row % 7 === 0 ? null : [row % 5 === 0 ? null : row, `c${row}`, row % 3 === 0 ? null : [BigInt(row) * 2n, row % 4]],
])

let reader: IcebergReader

beforeAll(async () => {
  reader = new IcebergReader(await appended(await newTable(fields), rows))
})

async function read(options: Parameters<IcebergReader['scan']>[0]): Promise<{ names: string[]; rows: PlainValue[][] }> {
  const found: PlainValue[][] = []
  let names: string[] = []
  for await (const batch of reader.scan(options)) {
    found.push(...batchRows(batch))
    names = batch.schema.fields.map((column) => `${column.name}: ${column.type}`)
  }
  return { names, rows: found }
}

type Struct = readonly PlainValue[] | null
const a = (row: readonly PlainValue[]): Struct => row[1] as Struct

describe('filters on fields of structs', { timeout: 60_000 }, () => {
  it('compare the field, and find null where a struct around it is', async () => {
    const deep = (row: readonly PlainValue[]): PlainValue => (a(row)?.[2] as Struct)?.[0] ?? null
    expect((await read({ filter: gteq('a.d.e', 300n) })).rows).toEqual(
      rows.filter((row) => deep(row) !== null && Number(deep(row)) >= 300),
    )
    expect((await read({ filter: isNull('a.d.e') })).rows).toEqual(rows.filter((row) => deep(row) === null))
    expect((await read({ filter: isNull('a.b') })).rows).toEqual(rows.filter((row) => (a(row)?.[0] ?? null) === null))
  })

  it('need not be on columns that are read', async () => {
    const filter = and(lt('id', 50n), or(eq('a.c', 'c8'), eq('a.d.f', 3)))
    const passing = rows.filter((row) => {
      const [, c, d] = a(row) ?? []
      return Number(row[0]) < 50 && (c === 'c8' || (d as Struct)?.[1] === 3)
    })
    expect(passing.length).toBeGreaterThan(3)
    expect((await read({ columns: ['id'], filter })).rows).toEqual(passing.map(([id]) => [id]))
    const part = await read({ columns: ['a.b'], filter })
    expect(part.rows).toEqual(passing.map((row) => [a(row) === null ? null : [a(row)?.[0]]]))
    expect(part.names).toEqual(['a: Struct<{b:Int32}>'])
  })
})

describe('columns given as paths', { timeout: 60_000 }, () => {
  it('are structs with only that part of them, nulls kept', async () => {
    expect(await read({ columns: ['a.d.e', 'id'] })).toEqual({
      names: ['a: Struct<{d:Struct<{e:Int64}>}>', 'id: Int64'],
      rows: rows.map((row) => {
        const d = a(row)?.[2] as Struct
        return [a(row) === null ? null : [d === null ? null : [d?.[0]]], row[0]]
      }),
    })
  })

  it('come as one column when they are parts of one struct', async () => {
    const both = await read({ columns: ['a.c', 'id', 'a.d.f'] })
    expect(both.names).toEqual(['a: Struct<{c:Utf8, d:Struct<{f:Int32}>}>', 'id: Int64'])
    expect(both.rows[8]).toEqual([['c8', [0]], 8n])
  })

  it('must lead to a column through structs', async () => {
    await expect(read({ columns: ['a.x'] })).rejects.toThrow('a.x')
    await expect(read({ columns: ['id.x'] })).rejects.toThrow('id.x')
  })
})
