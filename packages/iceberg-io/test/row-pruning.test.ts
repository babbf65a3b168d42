import { batchRows, batchOfRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import {
  and,
  bindExpression,
  eq,
  evaluate,
  type Expression,
  type FileIO,
  gteq,
  isIn,
  isNull,
  lt,
  type NestedField,
  not,
  notNull,
  or,
  testValue,
  type Type,
  type Value,
} from '@icebridge/iceberg-core'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, readParquetPositions, writeParquet } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { DiskReads, golden } from './golden-parquet.ts'
import { schemaOf } from './written.ts'

async function rowsAt(
  io: FileIO,
  path: string,
  read: { readonly fields: readonly NestedField[]; readonly filter?: Expression; readonly batchRows?: number },
): Promise<Map<number, PlainValue[]>> {
  const { fields, batchRows: most } = read
  const filter = read.filter === undefined ? undefined : bindExpression(read.filter, { fields })
  const rows = new Map<number, PlainValue[]>()
  for await (const { batch, firstRow } of readParquetPositions(io, path, { fields, filter, batchRows: most })) {
    for (const [at, row] of batchRows(batch).entries()) rows.set(firstRow + at, row)
  }
  return rows
}

/** The value of a dotted path. */
function valueAt(row: PlainValue, fields: readonly NestedField[], [name, ...below]: readonly string[]): Value | null {
  if (row === null) return null
  const at = fields.findIndex((field) => field.name === name)
  const value = (row as readonly PlainValue[])[at] ?? null
  const { type } = fields[at]!
  if (below.length === 0) return value as Value | null
  return valueAt(value, typeof type === 'object' && type.kind === 'struct' ? type.fields : [], below)
}

function passes(filter: Expression, row: readonly PlainValue[], fields: readonly NestedField[]): boolean {
  return evaluate(bindExpression(filter, { fields }), (test) =>
    testValue(test, valueAt(row, fields, test.term.path.split('.'))),
  )
}

describe('pages that cannot hold a row that passes', { timeout: 60_000 }, () => {
  const cases = [
    { name: 'pages', paths: ['int64', 'small', 'decimal9', 'ts_us', 'string', 'required'] },
    { name: 'pages-v1', paths: ['int64', 'small', 'decimal9', 'ts_us', 'string', 'required'] },
    { name: 'without-statistics', paths: ['int64', 'small', 'string'] },
    { name: 'fall-back', paths: ['int64', 'small', 'decimal9', 'ts_us', 'string', 'required'] },
    { name: 'nested-pages', paths: ['id', 's.x', 's.y.z', 's.y.w'] },
    { name: 'nested-pages-v1', paths: ['id', 's.x', 's.y.w'] },
  ]

  it.each(cases)(
    'are passed over in $name, all columns in step, no row lost',
    { timeout: 60_000 },
    async ({ name, paths }) => {
      const { path, fields } = golden(name)
      const { io } = new DiskReads()
      const all = await rowsAt(io, path, { fields })
      const texts = new Map([...all].map(([position, row]) => [position, textOf(row)]))
      const random = seededRandom(5)
      const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
      const literal = (column: string): Value => {
        for (;;) {
          const value = valueAt(all.get(Math.floor(random() * all.size))!, fields, column.split('.'))
          if (value !== null) return value
        }
      }
      const test = (): Expression => {
        const column = pick(paths)
        const value = literal(column)
        return pick([
          eq(column, value),
          lt(column, value),
          gteq(column, value),
          isNull(column),
          notNull(column),
          isIn(column, [value, literal(column)]),
        ])
      }
      const filter = (depth: number): Expression =>
        depth === 0 || random() < 0.3
          ? test()
          : pick([and, or])(filter(depth - 1), random() < 0.2 ? not(test()) : filter(depth - 1))
      let passedOver = 0
      for (let round = 0; round < 60; round++) {
        const expression = round < 20 ? and(gteq(paths[0]!, literal(paths[0]!)), test()) : filter(2)
        const found = await rowsAt(io, path, { fields, filter: expression, batchRows: pick([5, 64, 16_384]) })
        expect([...found].filter(([position, row]) => textOf(row) !== texts.get(position))).toEqual([])
        for (const [position, row] of all) {
          if (!found.has(position) && passes(expression, row, fields)) {
            throw new Error(`row ${position} is lost by ${textOf(expression)}`)
          }
        }
        passedOver += all.size - found.size
      }
      if (name !== 'without-statistics') expect(passedOver).toBeGreaterThan(0)
    },
  )

  it('are not fetched', { timeout: 60_000 }, async () => {
    const fields: NestedField[] = [
      { id: 1, name: 'id', required: true, type: 'long' },
      {
        id: 2,
        name: 's',
        required: false,
        type: { kind: 'struct', fields: [{ id: 3, name: 'text', required: false, type: 'string' }] },
      },
      {
        id: 4,
        name: 'l',
        required: false,
        type: { kind: 'list', elementId: 5, elementRequired: false, element: 'int' } as Type,
      },
    ]
    const random = seededRandom(1)
    const rows = Array.from({ length: 60_000 }, (_, row): PlainValue[] => [
      BigInt(row),
      row % 5 === 0 ? null : [`${random()}${random()}`],
      row % 3 === 0 ? null : [row, null, Math.floor(random() * 2 ** 30)],
    ])
    const io = new InMemoryFileIO()
    const { sizeBytes } = await writeParquet(io, '/f.parquet', [batchOfRows(columnFieldsOf({ fields }), rows)], {
      schema: schemaOf(fields),
      compression: 'none',
      properties: { 'write.parquet.page-row-limit': '2000' },
    })
    let fetched = 0
    const counting: FileIO = {
      stat: (path) => io.stat(path),
      read: async (path, options) => {
        const bytes = await io.read(path, options)
        fetched += bytes.length
        return bytes
      },
    } as Partial<FileIO> as FileIO
    const found = await rowsAt(counting, '/f.parquet', { fields, filter: isIn('id', [41_000n, 41_001n, 3n]) })
    for (const position of [3, 41_000, 41_001]) expect(found.get(position)).toEqual(rows[position])
    expect([...found].filter(([position, row]) => textOf(row) !== textOf(rows[position]))).toEqual([])
    expect(found.size).toBeLessThan(50_000)
    expect(fetched).toBeLessThan(sizeBytes * 0.7)
  })
})

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part))
}
