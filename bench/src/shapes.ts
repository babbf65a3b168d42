import { BatchBuilder } from '@icebridge/columnar'
import { quoteString, type SqlServer } from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'
import {
  bigint,
  bit,
  date,
  datetime2,
  decimal,
  declaration,
  float,
  int,
  rowversionCopy,
  text,
  uuid,
  type ShapeColumn,
} from './shape-columns.ts'

/** A table that the legs are measured on; a rowversion column comes last, by which changes are found. */
export interface Shape {
  readonly name: string
  readonly rows: number
  readonly columns: readonly ShapeColumn[]
  /** Times that a leg and its peer are measured, in turn. */
  readonly rounds: number
  /** Of rows so long that memory goes by them: MB of one. */
  readonly rowMegabytes?: number
}

/** The memory that a process may have at its peak, in MB. It does not depend on the number of rows. */
export function ceilingMb({ rowMegabytes = 0 }: Shape): number {
  return rowMegabytes === 0 ? 300 : 200 + 6 * rowMegabytes
}

/** The source table of every shape. */
export const table = { schema: 'dbo', name: 'rows' }

const narrow: readonly ShapeColumn[] = [
  int('id', (row) => row),
  bigint('big', (row) => 9_007_199_254_740_993n + BigInt(row)),
  text('name', 20, (row) => `customer ${row % 100_000}`),
  decimal('amount', { precision: 18, scale: 2 }, (row) => BigInt(row) * 17n),
  datetime2('at', (row) => 1_767_225_600_000_000n + BigInt(row)),
  bit('flag', (row) => row % 3 === 0),
]

const words =
  'the quick brown fox jumps over a lazy dog while größere Öfen wait for naïve bakers in Łódź and 東京'.split(' ')

/** Texts of about so many characters, the same ones every time; made when the first is asked for, so that a reader's memory has none. */
function texts(characters: number, count: number): (row: number) => string {
  let all: readonly string[] | undefined
  return (row) => (all ??= makeTexts(characters, count))[row % count] ?? ''
}

function makeTexts(characters: number, count: number): readonly string[] {
  let state = characters
  return Array.from({ length: count }, () => {
    let made = ''
    while (made.length < characters) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      made += `${words[(state >>> 16) % words.length] ?? ''}${state % 11 === 0 ? state.toString(36) : ''} `
    }
    return made.slice(0, characters)
  })
}

function heavy(): readonly ShapeColumn[] {
  return [
    int('id', (row) => row),
    ...[1, 2, 3, 4].map((at) => int(`i${at}`, (row) => (row * at * 7919) % 1_000_003)),
    ...[1, 2, 3].map((at) => bigint(`b${at}`, (row) => BigInt(row) * 1_000_000_007n * BigInt(at))),
    ...[1, 2, 3].map((at) =>
      decimal(`d${at}`, { precision: 18, scale: 4 }, (row) => BigInt(row) * 12_347n * BigInt(at)),
    ),
    ...[1, 2].map((at) =>
      decimal(`w${at}`, { precision: 38, scale: 10 }, (row) => BigInt(row) * 10n ** 22n + BigInt(at)),
    ),
    ...[1, 2].map((at) => float(`f${at}`, (row) => row / (at + 2))),
    ...[1, 2, 3].map((at) =>
      datetime2(`t${at}`, (row) => 1_767_225_600_000_000n + BigInt(row) * 31_000_003n * BigInt(at)),
    ),
    ...[1, 2].map((at) => date(`a${at}`, (row) => 20_000 + ((row * at) % 3000))),
    ...[1, 2].map((at) => bit(`y${at}`, (row) => row % (at + 2) === 0)),
    uuid('u1', (row) => Math.imul(row, 2_654_435_761) >>> 0),
    ...[20, 60, 200].map((length) => text(`n${length}`, length, texts(length - 5, 5000))),
    text('remark', 2000, texts(800, 2000)),
    text('body', 'max', texts(1500, 2000)),
    text('notes', 'max', texts(1000, 2000)),
    text('address', 400, texts(150, 5000)),
  ]
}

/** Characters of the text that a long one of the wide shape repeats. */
const SEED = 4000
const SEEDS = 4

/** The text that a row of the wide shape repeats: plain ASCII, so that bytes and characters are the same number. */
export function wideSeed(row: number): string {
  return (seeds(row) || '').replaceAll(/[^ -~]/g, 'x')
}
const seeds = texts(SEED, SEEDS)

/** How often it does. */
export function wideTimes(megabytes: number): number {
  return Math.ceil((megabytes * 1024 * 1024) / SEED)
}

/** Rows of one text each, of `megabytes` of UTF-8. */
function wide(megabytes: number): readonly ShapeColumn[] {
  const rows = new Map<number, string>()
  const make = (row: number): string => {
    let made = rows.get(row % SEEDS)
    if (made === undefined) {
      // In one piece, as any text that was read from somewhere.
      made = Buffer.alloc(SEED * wideTimes(megabytes), wideSeed(row)).toString('latin1')
      rows.set(row % SEEDS, made)
    }
    return made
  }
  return [int('id', (row) => row), text('body', 'max', make)]
}

/** The source of the wide shape: the server makes each long text when it is read, so that any number of them fits into it. */
async function fillWide(server: SqlServer, { rows, rowMegabytes = 0 }: Shape): Promise<void> {
  await server.batch(
    `CREATE TABLE [dbo].[rows] ([id] int NOT NULL PRIMARY KEY, [seed] nvarchar(4000) NOT NULL, [times] int NOT NULL, [body] AS REPLICATE(CONVERT(nvarchar(max), [seed]), [times]), [rv] rowversion NOT NULL);`,
  )
  for (let from = 0; from < rows; from += 100) {
    const values = Array.from({ length: Math.min(100, rows - from) }, (_, index) => {
      const row = from + index
      return `(${row}, ${quoteString(wideSeed(row))}, ${wideTimes(rowMegabytes)})`
    })
    await server.batch(`INSERT INTO [dbo].[rows] ([id], [seed], [times]) VALUES ${values.join(', ')};`)
  }
}

/** The target of the wide shape, which has the texts themselves. */
export const createWideTarget =
  'CREATE TABLE [dbo].[rows] ([id] int NOT NULL PRIMARY KEY, [seed] nvarchar(4000) NOT NULL, [times] int NOT NULL, [body] nvarchar(max) NULL, [rv] binary(8) NOT NULL);'

/**
 * The shapes that `ICEBRIDGE_BENCH_SHAPES` names, by default narrow, heavy and tall. `ICEBRIDGE_BENCH_SCALE` multiplies their rows;
 * `ICEBRIDGE_BENCH_WIDE` is rows and megabytes of a row of the wide one, `1000x50` for the whole of it.
 */
export function chosenShapes(): readonly Shape[] {
  return (process.env['ICEBRIDGE_BENCH_SHAPES'] ?? 'narrow,heavy,tall,wide').split(',').map(shape)
}

export function shape(name: string): Shape {
  const scale = Number(process.env['ICEBRIDGE_BENCH_SCALE'] ?? '1')
  const rows = (count: number): number => Math.max(1, Math.round(count * scale))
  switch (name) {
    case 'narrow':
      return { name, rows: rows(500_000), columns: narrow, rounds: 3 }
    case 'tall':
      return { name, rows: rows(3_000_000), columns: narrow, rounds: 1 }
    case 'heavy':
      return { name, rows: rows(60_000), columns: heavy(), rounds: 3 }
    case 'wide': {
      const [count = 0, megabytes = 0] = (process.env['ICEBRIDGE_BENCH_WIDE'] ?? '20x50').split('x').map(Number)
      return { name, rows: count, columns: wide(megabytes), rounds: 1, rowMegabytes: megabytes }
    }
    default:
      throw new Error(`there is no shape ${name}: narrow, heavy, tall, wide`)
  }
}

/** Creates the source table and fills it. */
export async function fill(server: SqlServer, shape: Shape): Promise<void> {
  const { columns, rows } = shape
  if (shape.rowMegabytes !== undefined) {
    await fillWide(server, shape)
    return
  }
  await server.batch(
    `CREATE TABLE [dbo].[rows] (${[...columns.map(declaration), '[rv] rowversion NOT NULL', 'PRIMARY KEY ([id])'].join(', ')});`,
  )
  const target = {
    table: '[dbo].[rows]',
    columns: columns.map((column) => ({ name: column.name, type: column.type, nullable: false, from: column.from })),
  }
  await server.bulkLoad(target, batches(columns, rows, 8192))
}

/** The columns that the rows have on a target. */
export function targetColumns({ columns }: Shape): readonly ShapeColumn[] {
  return [...columns, rowversionCopy('rv')]
}

/** A table of the columns that the apply leg creates, for its peers. */
export function createBare(name: string, shape: Shape): string {
  const table = name.startsWith('#') ? name : `[dbo].[${name}]`
  return `CREATE TABLE ${table} (${[...targetColumns(shape).map(declaration), 'PRIMARY KEY ([id])'].join(', ')});`
}

/** Whether {@link update} changes a row. */
export function isUpdated(row: number): boolean {
  return row % 10 === 0
}

/** How many rows {@link update} changes. */
export function updatedRows({ rows }: Shape): number {
  return Math.ceil(rows / 10)
}

/** Changes a tenth of the rows. */
export async function update(server: SqlServer): Promise<void> {
  await server.batch('UPDATE [dbo].[rows] SET [big] = [big] + 1 WHERE [id] % 10 = 0;')
}

/** The rows as batches. */
export async function* batches(
  columns: readonly ShapeColumn[],
  rows: number,
  batchRows: number,
): AsyncGenerator<RecordBatch> {
  const builder = new BatchBuilder(columns.flatMap(({ fields }) => fields))
  let at = 0
  const own = columns.map((column) => {
    const builders = builder.columns.slice(at, at + column.fields.length)
    at += column.fields.length
    return { column, builders }
  })
  for (let row = 0; row < rows; row++) {
    for (const { column, builders } of own) column.append(builders, row)
    if (builder.rowCount === batchRows) yield builder.finish()
  }
  if (builder.rowCount > 0) yield builder.finish()
}
