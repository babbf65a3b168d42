import type { StatementOf } from '../tsql/ast.ts'
import { bindQuery } from './bind-query.ts'
import { fold } from './catalog.ts'
import { notImplemented, sqlError } from './errors.ts'
import { directRows } from './direct-query.ts'
import { convertTo, sendRows, sendValues } from './evaluate.ts'
import { tableOf } from './names.ts'
import { readChunk } from './reader.ts'
import type { SessionState } from './state.ts'

/** Sends a query's rows and gives their count, or assigns to variables and gives undefined. */
export async function select(state: SessionState, s: StatementOf<'select'>): Promise<bigint | undefined> {
  const { body } = s.query
  await selectLocks(state, s)
  if (state.tranCount > 0) await state.enter(false)
  if (body.kind === 'select' && body.into !== undefined) throw notImplemented('SELECT ... INTO')
  const variables = body.kind === 'select' ? body.items.map((i) => i.variable) : []
  if (!variables.some((v) => v !== undefined)) {
    const direct = await state.rowCounts.settle(state, () => directRows(state, s.query))
    if (direct !== undefined) {
      await sendValues(state, direct.rows, direct.columns)
      return state.rowCount
    }
  }
  if (state.tranCount === 0) await state.enter(false)
  const query = await state.rowCounts.settle(state, () => bindQuery(s.query, state.queryContext(), undefined))
  if (!variables.some((v) => v !== undefined)) {
    await sendRows(state, query.sent ?? query.sql, query.columns, query.sent !== undefined)
    return state.rowCount
  }
  if (variables.includes(undefined))
    throw sqlError(
      141,
      'A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.',
    )
  const targets = variables.map((name) => {
    const variable = state.frame.variables.get(fold(name ?? ''))
    if (variable === undefined) throw sqlError(137, `Must declare the scalar variable "${name ?? ''}".`)
    return variable
  })
  const items = query.columns.map(
    (c, i) =>
      convertTo({ ...c, sql: c.isNull ? 'NULL' : `q.r${i + 1}`, hasConstant: false }, targets[i]?.type ?? c.type).sql,
  )
  const names = items.map((_, i) => `r${i + 1}`)
  const result = await state.connection.stream(
    `SELECT ${items.map((x, i) => `${x} AS r${i + 1}`).join(', ')} FROM (${query.sql}) AS q(${names.join(', ')})`,
  )
  let count = 0n
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const read = readChunk(
      chunk,
      targets.map((t) => t.type),
    )
    for (const [i, target] of targets.entries()) target.value = read.cells[i]?.(read.rowCount - 1) ?? null
    count += BigInt(read.rowCount)
  }
  state.rowCount = count
  return undefined
}

/** TABLOCKX and XLOCK keep others out until the transaction ends; a reader waits for a table that is being altered. */
async function selectLocks(state: SessionState, s: StatementOf<'select'>): Promise<void> {
  const { body } = s.query
  if (body.kind !== 'select' || body.from === undefined) return
  const walk = async (item: NonNullable<typeof body.from>): Promise<void> => {
    if (item.kind === 'join') {
      await walk(item.left)
      await walk(item.right)
      return
    }
    if (
      item.kind !== 'table' ||
      item.name.length > 3 ||
      item.hints.includes('NOLOCK') ||
      item.hints.includes('READUNCOMMITTED')
    )
      return
    const schema = item.name.length > 1 ? fold(item.name.at(-2) ?? '') : ''
    if (schema === 'sys' || schema === 'information_schema' || s.query.with.length > 0) return
    const table = tableOf(state, item.name)
    if (table.temporary) return
    if (item.hints.includes('TABLOCKX')) await state.lock(`table ${table.objectId}`, 'exclusive')
    else if (item.hints.includes('UPDLOCK') || item.hints.includes('XLOCK'))
      await state.lock(`table ${table.objectId}`, 'write')
    else if (state.engine.locks.holds(state, `table ${table.objectId}`) === undefined) {
      await state.lock(`table ${table.objectId}`, 'shared')
      if (!item.hints.includes('HOLDLOCK') && !item.hints.includes('SERIALIZABLE'))
        state.engine.locks.release(state, `table ${table.objectId}`)
    }
  }
  await walk(body.from)
}
