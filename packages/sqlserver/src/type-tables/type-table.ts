import type { Capability } from '../testing.ts'
import { picked } from './picked-text.ts'

/** One column of a generated table, in T-SQL throughout. */
export interface TypeColumn {
  readonly name: string
  /** Type with collation and the like, as CREATE TABLE has it; without NULL. A whole `AS …` for a computed column. */
  readonly declaration: string
  /** Values at the edges of the type. */
  readonly edges: readonly string[]
  /**
   * A value made of `[i]`, the row's number, and of what is random: `[bytes]` (32), `[whole0]` to `[whole3]` (bigints of 56 bits),
   * `[digits]` (38 of a decimal number, zeros first), `[rowdigits]` (38 that the row's columns share), `[latin]` and `[unicode]` (8 or 9 characters). Absent where the server makes the values.
   */
  readonly random?: string
  /** Expressions that are equal exactly when two values of the column are the same, bit for bit. */
  readonly exact: (column: string) => readonly string[]
  /** The text in which readers of the lake show the value: see `checks/interop/type_tables.py`. */
  readonly text: (column: string) => string
}

/** A table of columns of related types, filled by the server alone. */
export interface TypeTable {
  readonly name: string
  /** What the server must have for it. */
  readonly needs: readonly Capability[]
  /** Statements that come before the table. */
  readonly before: readonly string[]
  readonly columns: readonly TypeColumn[]
}

/** Random rows of a filled table. */
const randomRows = 10_000

/** CREATE TABLE: a key, the columns, and a rowversion that says what changed. */
export function createTypeTable(table: TypeTable): string {
  const columns = table.columns.map(
    ({ name, declaration }) => `[${name}] ${declaration}${declaration.startsWith('AS ') ? '' : ' NULL'}`,
  )
  return [
    `CREATE TABLE [dbo].[${table.name}] (`,
    `  [id] int NOT NULL CONSTRAINT [pk_${table.name}] PRIMARY KEY,`,
    `  ${[...columns, '[rv] rowversion NOT NULL'].join(',\n  ')}`,
    ');',
  ].join('\n')
}

/**
 * Fills a table: every edge value of every column, a row of NULLs, and 10,000 rows of values that a seed decides. Each statement
 * makes its rows in the server.
 *
 * @see https://learn.microsoft.com/sql/t-sql/functions/hashbytes-transact-sql
 */
export function fillTypeTable(table: TypeTable, options: { readonly seed: string }): readonly string[] {
  const columns = table.columns.filter(({ random }) => random !== undefined)
  const names = ['id', ...columns.map(({ name }) => name)].map((name) => `[${name}]`).join(', ')
  const rows = Math.max(...columns.map(({ edges }) => edges.length))
  const edgeRow = (row: number): string => {
    const values = columns.map(({ edges }) => edges[row % edges.length] ?? 'NULL')
    return `INSERT INTO [dbo].[${table.name}] (${names}) VALUES (${[-1 - row, ...values].join(', ')});`
  }
  const bytes = columns.map(
    ({ name }, at) => `HASHBYTES('SHA2_256', CONCAT('${options.seed}:${table.name}:${name}:', n.[i])) AS [h${at}]`,
  )
  // What the values are made of is worked out once a row and column.
  const used = columns.flatMap(({ random = '' }, at) =>
    ingredients
      .filter(({ token }) => random.includes(token))
      .map(({ token, of, ofRow = false }) => {
        const from = ofRow ? 0 : at
        return { at, token, name: `[${token.slice(1, -1)}_${from}]`, of: of(`h.[h${from}]`) }
      }),
  )
  const worked = new Map(used.map(({ name, of }) => [name, of]))
  const values = columns.map(({ random = 'NULL' }, index) => {
    const own = used.filter(({ at }) => at === index)
    const value = own.reduce((text, each) => text.replaceAll(each.token, `r.${each.name}`), random)
    // Every seventeenth value of a column is NULL, not the same row in each.
    return `CASE WHEN (r.[i] + ${index}) % 17 = 3 THEN NULL ELSE ${value.replaceAll('[i]', 'r.[i]')} END`
  })
  return [
    ...Array.from({ length: rows }, (_, row) => edgeRow(row)),
    `INSERT INTO [dbo].[${table.name}] ([id]) VALUES (0);`,
    [
      `INSERT INTO [dbo].[${table.name}] (${names})`,
      `SELECT r.[i], ${values.join(',\n  ')}`,
      `FROM (SELECT h.[i], ${[...worked].map(([name, of]) => `${of} AS ${name}`).join(', ')}`,
      `FROM (SELECT n.[i], ${bytes.join(', ')} FROM (`,
      '  SELECT 1 + a.[d] + 10 * b.[d] + 100 * c.[d] + 1000 * e.[d] AS [i]',
      `  FROM ${tens} AS a([d]) CROSS JOIN ${tens} AS b([d]) CROSS JOIN ${tens} AS c([d]) CROSS JOIN ${tens} AS e([d])`,
      ') AS n) AS h) AS r;',
    ].join('\n'),
  ]
}

const tens = '(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))'

const latin = 'aZ09 _%[]&<>"/éßÆÿ¿€œ'
const unicode = 'aZ09 _%[]&<>"/éßЖ中ا\u0301\u00a0\ufffd'

/** What `random` may name besides `[i]`, from 32 random bytes. */
const ingredients: readonly {
  readonly token: string
  readonly of: (bytes: string) => string
  /** One for all columns of a row: those of the first. */
  readonly ofRow?: boolean
}[] = [
  { token: '[bytes]', of: (bytes) => bytes },
  ...[0, 1, 2, 3].map((nth) => ({
    token: `[whole${nth}]`,
    of: (bytes: string) => `CONVERT(bigint, SUBSTRING(${bytes}, ${1 + 7 * nth}, 7))`,
  })),
  { token: '[latin]', of: (bytes) => picked(latin, bytes) },
  { token: '[unicode]', of: (bytes) => picked(unicode, bytes) },
  {
    token: '[digits]',
    of: (bytes) => `RIGHT(CONCAT(REPLICATE('0', 38), LEFT(${digitsOf(bytes)}, 1 + h.[i] % 38)), 38)`,
  },
  { token: '[rowdigits]', of: (bytes) => `LEFT(${digitsOf(bytes)}, 38)`, ofRow: true },
]

/** 64 digits of a decimal number. */
function digitsOf(bytes: string): string {
  return ['A1', 'B4', 'C6', 'D7', 'E9', 'F0'].reduce(
    (text, [from, to]) => `REPLACE(${text}, '${from}', '${to}')`,
    `CONVERT(varchar(64), ${bytes}, 2)`,
  )
}

/** How many rows {@link fillTypeTable} makes. */
export function typeTableRows(table: TypeTable): number {
  const filled = table.columns.filter(({ random }) => random !== undefined)
  return randomRows + 1 + Math.max(...filled.map(({ edges }) => edges.length))
}

/**
 * Counts the rows of one table that the other does not have, every value compared bit for bit in the server: INTERSECT takes two
 * NULLs for equal. Both are three-part names.
 *
 * @see https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-except-and-intersect-transact-sql
 */
export function countOnlyIn(table: TypeTable, from: string, without: string): string {
  const list = (alias: string): string =>
    [
      ...table.columns.flatMap(({ name, exact }) => exact(`${alias}.[${name}]`)),
      `CONVERT(varbinary(max), ${alias}.[rv])`,
    ].join(', ')
  return [
    `SELECT COUNT(*) AS [n] FROM ${from} AS a WHERE NOT EXISTS (`,
    `SELECT 1 AS [found] FROM ${without} AS b WHERE b.[id] = a.[id]`,
    `AND EXISTS (SELECT ${list('a')} INTERSECT SELECT ${list('b')}))`,
  ].join(' ')
}

/** Every row as the texts that the lake's readers give: `[id]`, then one column of the result for each column, NULL for NULL. */
export function typeTableTexts(table: TypeTable): string {
  const list = table.columns.map(({ name, text }) => `${text(`[${name}]`)} AS [${name}]`)
  return `SELECT [id], ${list.join(', ')} FROM [dbo].[${table.name}] ORDER BY [id]`
}
