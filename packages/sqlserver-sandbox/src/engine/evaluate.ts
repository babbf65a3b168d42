import type { ResultColumn, SqlType, SqlValue } from '../session.ts'
import type { Expression } from '../tsql/ast.ts'
import { Binder } from './bind.ts'
import { isRepeated } from './bind-query.ts'
import type { Bound } from './bound.ts'
import { convert, implicitly } from './convert.ts'
import { translateError } from './duck.ts'
import { readChunk } from './reader.ts'
import type { SessionState } from './state.ts'

/** Whether a search condition holds. */
export async function condition(state: SessionState, e: Expression): Promise<boolean> {
  const sql = await state.rowCounts.settle(state, () =>
    new Binder(state.queryContext(), { sources: [], parent: undefined }).predicate(e),
  )
  await state.enter(false)
  const [[value] = []] = await state.rows(`SELECT ${sql}`)
  return value === true
}

/** Evaluates an expression to a value of a type. */
export async function evaluate(
  state: SessionState,
  e: Expression,
  type?: SqlType,
): Promise<{ value: SqlValue; type: SqlType }> {
  const free = await state.rowCounts.settle(state, () =>
    new Binder(state.queryContext(), { sources: [], parent: undefined }).value(e),
  )
  const target = type ?? free.type
  const value = type === undefined ? free : convertTo(free, type)
  if (value.hasConstant) return { value: value.constant ?? null, type: target }
  await state.enter(false)
  let read: SqlValue = null
  try {
    const result = await state.connection.run(`SELECT ${value.sql} AS r1`)
    const chunk = await result.fetchChunk()
    if (chunk !== null && chunk.rowCount > 0) read = readChunk(chunk, [target]).cells[0]?.(0) ?? null
  } catch (error) {
    throw translateError(error)
  }
  return { value: read, type: target }
}

/** Sends the rows of a query to the client, and counts them. */
export async function sendRows(
  state: SessionState,
  sql: string,
  columns: readonly Bound[],
  inParts: boolean = false,
): Promise<void> {
  const types = columns.map((c) => c.type)
  const repeated = columns.map((c) => inParts && isRepeated(c))
  try {
    const result = await state.connection.stream(sql)
    await state.sink?.columns(described(columns))
    let count = 0
    for (;;) {
      state.signal?.throwIfAborted()
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) break
      count += chunk.rowCount
      await state.sink?.rows(readChunk(chunk, types, repeated))
    }
    state.rowCount = BigInt(count)
  } catch (error) {
    throw translateError(error)
  }
}

/** Sends rows that are at hand to the client, and counts them. */
export async function sendValues(
  state: SessionState,
  rows: readonly (readonly SqlValue[])[],
  columns: readonly Bound[],
): Promise<void> {
  await state.sink?.columns(described(columns))
  if (rows.length > 0)
    await state.sink?.rows({ rowCount: rows.length, cells: columns.map((_, i) => (row) => rows[row]?.[i] ?? null) })
  state.rowCount = BigInt(rows.length)
}

function described(columns: readonly Bound[]): ResultColumn[] {
  return columns.map((c) => ({
    name: c.name ?? '',
    type: 'length' in c.type && c.collation !== undefined ? { ...c.type, collation: c.collation } : c.type,
    nullable: c.nullable,
    ...(c.identity ? { identity: true } : {}),
    ...(c.computed ? { computed: true } : {}),
  }))
}

/** To a variable: by assignment's rules, and cut to its length as SQL Server cuts it. */
export function convertTo(value: Bound, type: SqlType): Bound {
  implicitly(value, type)
  return convert(value, type, { truncate: true })
}
