import { type DuckDBAppender, DuckDBDataChunk, type DuckDBType, DuckDBTypes } from './duck-types.ts'
import { type BulkColumn, type BulkLoad, SandboxSqlError, type SqlType, type SqlValue } from '../session.ts'
import type { StatementOf } from '../tsql/ast.ts'
import { bound, keySql } from './bound.ts'
import { freshAlias } from './bind-query.ts'
import { type Column, columnById, columnOf, type Table } from './catalog.ts'
import { implicitly } from './convert.ts'
import { toDuckValue } from './duck-types.ts'
import { translateError } from './duck.ts'
import { notImplemented, sqlError } from './errors.ts'
import { defaultOf, write } from './write-rows.ts'
import { tableOf, typeOf } from './names.ts'
import type { SessionState } from './state.ts'
import { duckType } from './types.ts'
import { columnBound, storedColumns } from './write.ts'

const chunkRows = 2048

/** Takes rows into a staging table outside the transaction; the end checks and moves them in one write. */
export async function openBulk(state: SessionState, s: StatementOf<'insertBulk'>): Promise<BulkLoad> {
  const table = tableOf(state, s.target)
  const columns: (BulkColumn & { readonly target: Column })[] = s.columns.map((c) => {
    const target = columnOf(table, c.name)
    if (target.computed !== undefined)
      throw sqlError(
        271,
        `The column "${target.name}" cannot be modified because it is either a computed column or is the result of a UNION operator.`,
      )
    return { name: c.name, type: typeOf(state, c.type, 'column'), target }
  })
  const keepNulls = s.options.includes('KEEP_NULLS')
  for (const c of storedColumns(table)) {
    if (keepNulls && c.default !== undefined && !columns.some(({ target }) => target === c))
      throw notImplemented(`INSERT BULK with KEEP_NULLS and without the column ${c.name}, which has a default`)
  }
  const order = clusteredOrder(table, s)
  const stage = freshAlias()
  await state.connection.run(
    `CREATE TEMP TABLE ${stage} (${columns.map((c, i) => `r${i + 1} ${duckType(c.type)}`).join(', ')})`,
  )
  const types: DuckDBType[] = columns.map((c) => DuckDBTypes(c.type))
  const convert = columns.map((c) => toDuckValue(c.type))
  const appender: DuckDBAppender = await state.connection.createAppender(stage, null, 'temp')
  let pending: (readonly SqlValue[])[] = []
  let open = true

  const flush = (rows: readonly (readonly SqlValue[])[]): void => {
    const chunk = DuckDBDataChunk.create(types, rows.length)
    for (let i = 0; i < types.length; i++) {
      const make = convert[i]
      if (make !== undefined)
        chunk.setColumnValues(
          i,
          rows.map((row) => make(row[i] ?? null)),
        )
    }
    appender.appendDataChunk(chunk)
  }
  const discard = async (): Promise<void> => {
    if (!open) return
    open = false
    appender.closeSync()
    await state.connection.run(`DROP TABLE IF EXISTS temp.${stage}`)
  }

  return {
    columns,
    async write(rows) {
      pending.push(...rows)
      while (pending.length >= chunkRows) {
        flush(pending.slice(0, chunkRows))
        pending = pending.slice(chunkRows)
      }
    },
    async finish(sink) {
      state.sink = sink
      try {
        if (pending.length > 0) flush(pending)
        pending = []
        appender.flushSync()
        await state.lockForWrite(table)
        await state.enter(true)
        if (order.length > 0) await checkOrder(state, `temp.${stage}`, order, columns)
        const values = storedColumns(table).map((c) => {
          const at = columns.findIndex((b) => b.target === c)
          const source = columns[at]
          if (c.type.name === 'rowversion') return `CAST(NULL AS ${duckType(c.type)}) AS c${c.id}`
          if (source === undefined) return `${defaultOf(state, c).sql} AS c${c.id}`
          const type: SqlType = source.type
          const value = implicitly(bound(`r${at + 1}`, type), c.type, { into: c.collation }).sql
          const given = keepNulls || c.default === undefined ? value : `coalesce(${value}, ${defaultOf(state, c).sql})`
          return `${given} AS c${c.id}`
        })
        const count = await write(
          state,
          table,
          `SELECT CAST(1 AS TINYINT) AS act, CAST(NULL AS BIGINT) AS rid, ${values.join(', ')} FROM temp.${stage}`,
          {
            verb: 'INSERT',
            send: async () => undefined,
            explicitIdentity: columns.some((c) => c.target.identity !== undefined),
            constraints: s.options.includes('CHECK_CONSTRAINTS'),
          },
        )
        if (state.tranCount === 0) await state.finish(true)
        return Number(count)
      } catch (cause) {
        const error = translateError(cause)
        if (state.tranCount === 0) await state.finish(false)
        else {
          const number = error instanceof SandboxSqlError ? error.error.number : 0
          const broken = await state.abandonBroken()
          // Under XACT_ABORT an error takes the transaction with it; a deadlock always does.
          if (broken || state.options.xactAbort || number === 1205) await state.rollbackTransaction()
        }
        throw error
      } finally {
        state.sink = undefined
        await discard()
      }
    },
    abort: discard,
  }
}

/** The ORDER option where it counts: it names the key of the clustered index. Any other is ignored. */
function clusteredOrder(table: Table, s: StatementOf<'insertBulk'>): StatementOf<'insertBulk'>['order'] {
  const clustered = table.indexes.find((index) => index.clustered)
  const order = s.order.map(({ name, descending }) => ({ column: columnOf(table, name), descending }))
  const same =
    clustered?.columns.length === order.length &&
    clustered.columns.every(({ id, descending }, at) => {
      const said = order[at]
      return said !== undefined && said.column === columnById(table, id) && said.descending === descending
    })
  return same ? s.order : []
}

async function checkOrder(
  state: SessionState,
  stage: string,
  order: StatementOf<'insertBulk'>['order'],
  columns: readonly (BulkColumn & { readonly target: Column })[],
): Promise<void> {
  const keys = order.map(({ name }) => {
    const at = columns.findIndex(({ target }) => target.name.toLowerCase() === name.toLowerCase())
    const column = columns[at]
    if (column === undefined)
      throw notImplemented(`INSERT BULK with ORDER over the column ${name}, which is not loaded`)
    return keySql(columnBound(column.target, `r${at + 1}`))
  })
  const now = keys.map((key, i) => `${key} AS k${i}`)
  const before = keys.map((key, i) => `lag(${key}) OVER (ORDER BY rowid) AS p${i}`)
  const wrong = order.map(({ descending }, i) => {
    const equal = keys.slice(0, i).map((_, j) => `k${j} = p${j}`)
    return [...equal, `k${i} ${descending ? '>' : '<'} p${i}`].join(' AND ')
  })
  const [found] = await state.rows(
    `SELECT 1 FROM (SELECT ${[...now, ...before].join(', ')} FROM ${stage}) AS s WHERE ${wrong.map((w) => `(${w})`).join(' OR ')} LIMIT 1`,
  )
  if (found === undefined) return
  throw sqlError(
    4819,
    'Cannot bulk load. The bulk data stream was incorrectly specified as sorted or the data violates a uniqueness constraint imposed by the target table.',
  )
}
