import type { ColumnView } from '@icebridge/columnar'
import {
  formatSqlType,
  keyOf,
  quoteName,
  quoteTable,
  readColumns,
  selectList,
  type ColumnDefinition,
  type ReadColumn,
  type ReadQuery,
  type ReadRole,
  type SqlServer,
  type SqlType,
  type StreamOptions,
  type TableDefinition,
} from '@icebridge/sqlserver'
import { SyncError } from '../errors.ts'
import { Losses } from '../read/losses.ts'
import { comparable, sameCell } from './cells.ts'
import { RowCursor } from './cursor.ts'

/** How two tables differ. `equal` means: the same keys, and every compared column equal in every row, byte for byte. */
export interface VerifyResult {
  readonly status: 'equal' | 'different'
  readonly sourceRows: bigint
  readonly targetRows: bigint
  /** Keys that stand only in the source. */
  readonly missing: bigint
  /** Keys that stand only in the target. */
  readonly extra: bigint
  /** Keys that stand in both with different values. */
  readonly different: bigint
  /** Rows that differ in a column, by column name; a row counts once for each column. */
  readonly differentColumns: Readonly<Record<string, bigint>>
  /** Texts of the source that were compared with U+FFFD in place of half a surrogate pair, by column, as the table declares it. */
  readonly replaced?: Readonly<Record<string, bigint>>
  readonly columns: readonly string[]
  /** Columns left out, and why; a column is never left out silently. */
  readonly skipped: readonly { readonly column: string; readonly reason: string }[]
}

export interface VerifySide {
  readonly server: SqlServer
  readonly table: TableDefinition
}

/**
 * Compares a source and a target table value by value, both streamed in the order of their key's bytes, in bounded memory.
 * Both sides are read as they are now: rows that change meanwhile show as differences.
 */
export async function verifyTables(
  source: VerifySide,
  target: VerifySide,
  options: Pick<StreamOptions, 'signal' | 'loneSurrogates' | 'maxValueBytes'> = {},
): Promise<VerifyResult> {
  const key = keyOf(source.table)
  if (key === undefined) {
    throw new SyncError('plan', `${quoteTable(source.table.table)} has no key to compare rows by`, {
      hint: 'Add a primary key, or a unique index over NOT NULL columns.',
    })
  }
  const targetColumns = new Map(target.table.columns.map((c) => [c.name.toLowerCase(), c]))
  const pairs: { source: ColumnDefinition; target: ColumnDefinition }[] = []
  const skipped: { column: string; reason: string }[] = []
  for (const column of source.table.columns) {
    const other = targetColumns.get(column.name.toLowerCase())
    if (other === undefined) skipped.push({ column: column.name, reason: 'the target has no such column' })
    else if (other.rowversion) skipped.push({ column: column.name, reason: 'the target assigns its own rowversion' })
    else pairs.push({ source: column, target: other })
  }
  const keyPairs = key.columns.map(({ name }) => {
    const pair = pairs.find((p) => p.source.name === name)
    if (pair === undefined) {
      throw new SyncError(
        'plan',
        `the key column ${name} of ${quoteTable(source.table.table)} is missing in the target`,
        {
          hint: 'Give the target table the same key columns.',
        },
      )
    }
    return pair
  })
  const left = query(
    source.table,
    pairs.map((p) => p.source),
    keyPairs.map((p) => ({ column: p.source, as: keyType(p.source.type, p.target.type) })),
  )
  const right = query(
    target.table,
    pairs.map((p) => p.target),
    keyPairs.map((p) => ({ column: p.target, as: keyType(p.source.type, p.target.type) })),
  )
  const { loneSurrogates = 'refuse', ...reading } = options
  const losses = new Losses()
  const rows = source.server.stream(left.query, {
    ...reading,
    loneSurrogates,
    onReplaced: (column, values) => losses.add(column, values),
  })
  const counts = await compare(rows, target.server.stream(right.query, reading), {
    keys: keyPairs.length,
    columns: pairs.map((pair, index) => ({
      name: pair.source.name,
      left: left.places[index] ?? new Map(),
      right: right.places[index] ?? new Map(),
    })),
  })
  const equal = counts.missing === 0n && counts.extra === 0n && counts.different === 0n
  return {
    status: equal ? 'equal' : 'different',
    ...counts,
    ...(losses.counts === undefined ? {} : { replaced: losses.counts }),
    columns: pairs.map((p) => p.source.name),
    skipped,
  }
}

/** Where a column's value and its companions are in a batch, by role. */
type Places = ReadonlyMap<ReadRole, number>

interface KeyExpression {
  readonly column: ColumnDefinition
  /** The type that gives the bytes, the same on both sides. */
  readonly as: SqlType
}

/**
 * The rows of a table ordered by the bytes of its key: one varbinary a key column first, then every column with its companions. Bytes that
 * are the beginning of others come first, also where only zeros follow, which the server takes for equal.
 * @see https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
 */
function query(
  table: TableDefinition,
  columns: readonly ColumnDefinition[],
  key: readonly KeyExpression[],
): { readonly query: ReadQuery; readonly places: readonly Places[] } {
  const bytesOf = ({ column, as }: KeyExpression): string =>
    `CONVERT(varbinary(3400), CONVERT(${formatSqlType(as)}, [t].${quoteName(column.name)}))`
  const reads: ReadColumn[] = key.map((each, index) => ({
    name: `_key${index}`,
    role: 'value',
    expression: () => bytesOf(each),
    field: { name: `_key${index}`, type: { kind: 'binary' }, nullable: false },
  }))
  const places = columns.map(
    (column): Places => new Map(readColumns(column).map((read) => [read.role, reads.push(read) - 1])),
  )
  const order = key
    .map((each, index) => `[c${index}]${varies(each.as) ? `, DATALENGTH(${bytesOf(each)})` : ''}`)
    .join(', ')
  return {
    query: {
      text: `SELECT ${selectList(reads, '[t]')} FROM ${quoteTable(table.table)} AS [t] ORDER BY ${order}`,
      columns: reads,
    },
    places,
  }
}

/**
 * The type whose bytes order a key: Unicode for text of any code page, so that both sides have the same bytes for the same text, and long
 * enough for both. A key has at most 1,700 bytes, so no text of one is cut by the 4,000 characters that nvarchar takes.
 */
function keyType(source: SqlType, target: SqlType): SqlType {
  const length = Math.max(lengthOf(source), lengthOf(target))
  switch (source.name) {
    case 'char':
    case 'nchar':
      return { name: 'nchar', length: Math.min(length, 4000) }
    case 'varchar':
    case 'nvarchar':
      return { name: 'nvarchar', length: Math.min(length, 4000) }
    case 'binary':
    case 'varbinary':
      return { name: source.name, length }
    default:
      return source
  }
}

function lengthOf({ length = 1 }: SqlType): number {
  return length === 'max' ? 8000 : length
}

/** Whether values have bytes of different lengths. */
function varies({ name }: SqlType): boolean {
  return name === 'nvarchar' || name === 'varbinary' || name === 'sql_variant' || name === 'hierarchyid'
}

interface ComparedColumn {
  readonly name: string
  readonly left: Places
  readonly right: Places
}

type Counts = Pick<VerifyResult, 'sourceRows' | 'targetRows' | 'missing' | 'extra' | 'different' | 'differentColumns'>

async function compare(
  leftBatches: ReturnType<SqlServer['stream']>,
  rightBatches: ReturnType<SqlServer['stream']>,
  shape: { readonly keys: number; readonly columns: readonly ComparedColumn[] },
): Promise<Counts> {
  const left = new RowCursor(leftBatches)
  const right = new RowCursor(rightBatches)
  let [sourceRows, targetRows, missing, extra, different] = [0n, 0n, 0n, 0n, 0n]
  const differentColumns: Record<string, bigint> = {}
  try {
    let [hasLeft, hasRight] = await Promise.all([left.next(), right.next()])
    while (hasLeft || hasRight) {
      const order = !hasLeft ? 1 : !hasRight ? -1 : compareKeys(left, right, shape.keys)
      if (order === 0) {
        const names = shape.columns.filter((column) => !sameColumn(left, right, column)).map((column) => column.name)
        if (names.length > 0) different += 1n
        for (const name of names) differentColumns[name] = (differentColumns[name] ?? 0n) + 1n
      } else if (order < 0) missing += 1n
      else extra += 1n
      if (order <= 0) {
        sourceRows += 1n
        hasLeft = await left.next()
      }
      if (order >= 0) {
        targetRows += 1n
        hasRight = await right.next()
      }
    }
  } finally {
    await Promise.all([left.close(), right.close()])
  }
  return { sourceRows, targetRows, missing, extra, different, differentColumns }
}

function compareKeys(left: RowCursor, right: RowCursor, keys: number): number {
  for (let index = 0; index < keys; index++) {
    const order = Buffer.compare(keyBytes(left.views[index], left.row), keyBytes(right.views[index], right.row))
    if (order !== 0) return order
  }
  return 0
}

function keyBytes(view: ColumnView | undefined, row: number): Uint8Array {
  if (view?.kind !== 'binary') throw new TypeError('a key is read as varbinary')
  return view.value(row)
}

/** A column with its companions; a companion that only one side has (the 100 ns digit of a wider type) counts as zero on the other. */
function sameColumn(left: RowCursor, right: RowCursor, column: ComparedColumn): boolean {
  for (const role of new Set([...column.left.keys(), ...column.right.keys()])) {
    const a = viewAt(left, column.left.get(role))
    const b = viewAt(right, column.right.get(role))
    if (a !== undefined && b !== undefined) {
      if (!comparable(a, b) || !sameCell(a, left.row, b, right.row)) return false
    } else if (!isNothing(a, left.row) || !isNothing(b, right.row)) return false
  }
  return true
}

function viewAt(cursor: RowCursor, place: number | undefined): ColumnView | undefined {
  return place === undefined ? undefined : cursor.views[place]
}

function isNothing(view: ColumnView | undefined, row: number): boolean {
  return view === undefined || view.isNull(row) || (view.kind === 'int32' && view.value(row) === 0)
}
