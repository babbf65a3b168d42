import { type DuckDBAppender, DuckDBDataChunk, type DuckDBType, DuckDBTypes } from './duck-types.ts'
import type { BulkColumn, BulkLoad, SqlType, SqlValue } from '../session.ts'
import type { StatementOf } from '../tsql/ast.ts'
import { bound } from './bound.ts'
import { freshAlias } from './bind-query.ts'
import { type Column, columnOf } from './catalog.ts'
import { implicitly } from './convert.ts'
import { toDuckValue } from './duck-types.ts'
import { sqlError } from './errors.ts'
import { write } from './write-rows.ts'
import { tableOf, typeOf } from './names.ts'
import type { SessionState } from './state.ts'
import { duckType } from './types.ts'
import { storedColumns } from './write.ts'

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
    async finish() {
      try {
        if (pending.length > 0) flush(pending)
        pending = []
        appender.flushSync()
        await state.lockForWrite(table)
        await state.enter(true)
        const values = storedColumns(table).map((c) => {
          const at = columns.findIndex((b) => b.target === c)
          const source = columns[at]
          if (source === undefined || c.type.name === 'rowversion')
            return `CAST(NULL AS ${duckType(c.type)}) AS c${c.id}`
          const type: SqlType = source.type
          return `${implicitly(bound(`r${at + 1}`, type), c.type).sql} AS c${c.id}`
        })
        const count = await write(
          state,
          table,
          `SELECT CAST(1 AS TINYINT) AS act, CAST(NULL AS BIGINT) AS rid, ${values.join(', ')} FROM temp.${stage}`,
          {
            verb: 'INSERT',
            send: async () => undefined,
            explicitIdentity: columns.some((c) => c.target.identity !== undefined),
          },
        )
        if (state.tranCount === 0) await state.finish(true)
        return Number(count)
      } catch (error) {
        if (state.tranCount === 0) await state.finish(false)
        throw error
      } finally {
        await discard()
      }
    },
    abort: discard,
  }
}
