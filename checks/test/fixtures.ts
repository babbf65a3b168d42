import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  and,
  eq,
  gteq,
  isIn,
  isNaN,
  isNull,
  lt,
  noteq,
  notNull,
  startsWith,
  type Expression,
  type Literal,
} from '@icebridge/iceberg-core'
import { root } from '../src/workspace.ts'

/** A table under `fixtures/tables`, and what the engine that wrote it reads of it. */
export interface Fixture {
  /** `<engine>/<table>`, as the folders are called. */
  readonly name: string
  readonly folder: string
  readonly expected: ExpectedTable
}

/** The content of a fixture's `expected.json`. */
export interface ExpectedTable {
  /** Engine and version. */
  readonly engine: string
  /** The location in the metadata, which is not where the files are now. */
  readonly location: string
  /** The metadata file below the table's folder; without it the folder says which is newest. */
  readonly metadata?: string
  readonly reads: readonly ExpectedRead[]
}

/** One read with all its rows: of a snapshot, of a ref, of the appends or changes of (from, to], or of the current snapshot. */
export interface ExpectedRead {
  readonly snapshotId?: string
  readonly ref?: string
  readonly appends?: readonly [string, string]
  /** The rows that (from, to] inserted and deleted, without those that a rewrite carried along; from '' is the beginning. */
  readonly changes?: readonly [string, string]
  readonly columns?: readonly string[]
  readonly where?: readonly ExpectedFilter[]
  readonly rows: readonly unknown[]
}

/** A column, an operator of `Expression` and its literals. */
export type ExpectedFilter = readonly [column: string, op: string, ...literals: readonly ExpectedLiteral[]]

type ExpectedLiteral = string | number | boolean | { readonly long: string }

/** Every fixture, by name. */
export function allFixtures(): readonly Fixture[] {
  const tables = join(root, 'fixtures/tables')
  return folders(tables).flatMap((engine) =>
    folders(join(tables, engine)).map((table) => {
      const folder = join(tables, engine, table)
      const expected: ExpectedTable = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))
      return { name: `${engine}/${table}`, folder, expected }
    }),
  )
}

/** What distinguishes a read from the table's others, for messages. */
export function describeRead(read: ExpectedRead): string {
  return JSON.stringify({ ...read, rows: undefined })
}

/** All filters of a read at once. */
export function filterOf(read: ExpectedRead): Expression | undefined {
  return read.where === undefined ? undefined : and(...read.where.map(expression))
}

function expression([column, op, ...literals]: ExpectedFilter): Expression {
  const values = literals.map((literal): Literal => (typeof literal === 'object' ? BigInt(literal.long) : literal))
  const [value] = values
  if (value === undefined) {
    if (op === 'is-null') return isNull(column)
    if (op === 'not-null') return notNull(column)
    if (op === 'is-nan') return isNaN(column)
  } else {
    if (op === 'eq') return eq(column, value)
    if (op === 'noteq') return noteq(column, value)
    if (op === 'gteq') return gteq(column, value)
    if (op === 'lt') return lt(column, value)
    if (op === 'in') return isIn(column, values)
    if (op === 'starts-with' && typeof value === 'string') return startsWith(column, value)
  }
  throw new TypeError(`a fixture filters ${column} by ${op}, which this check does not know`)
}

function folders(parent: string): readonly string[] {
  const entries = readdirSync(parent, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()
}
