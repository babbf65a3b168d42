import type { DmlTarget, Output } from '../tsql/ast.ts'
import { parseExpressionText } from '../tsql/statements.ts'
import { Binder, type Source } from './bind.ts'
import { type Bound, bound } from './bound.ts'
import { expandItem, freshAlias } from './bind-query.ts'
import { type Column, columnOf, fold, type Table } from './catalog.ts'
import { checkConstant, convert, implicitly } from './convert.ts'
import { sqlError } from './errors.ts'
import { tableOf } from './names.ts'
import type { SessionState } from './state.ts'
import { duckType } from './types.ts'
import { applyRows, checkRows, storedColumns, tableColumns } from './write.ts'

type Verb = 'INSERT' | 'UPDATE' | 'DELETE' | 'MERGE'

/** Sends the rows of a query to the client. */
export type SendRows = (sql: string, columns: readonly Bound[]) => Promise<void>

export function targetTable(state: SessionState, target: DmlTarget): Table {
  if (target.kind === 'table') return tableOf(state, target.name)
  const table = state.frame.tables.get(fold(target.name))
  if (table === undefined) throw sqlError(1087, `Must declare the table variable "${target.name}".`, { severity: 15 })
  return table
}

/** The value of a column that an INSERT does not name. */
export function defaultOf(state: SessionState, column: Column): Bound {
  if (column.default === undefined) return convert(bound('NULL', column.type, { isNull: true }), column.type)
  return assigned(
    new Binder(state.queryContext(), { sources: [], parent: undefined }).value(
      parseExpressionText(column.default.text),
    ),
    column,
  )
}

/** A value on its way into a column. Strings keep their length: checkRows refuses what is too long. */
export function assigned(value: Bound, column: Column): Bound {
  checkConstant(value, column.type)
  return implicitly(value, column.type, { into: column.collation })
}

export function assertWritable(column: Column): void {
  if (column.computed !== undefined)
    throw sqlError(
      271,
      `The column "${column.name}" cannot be modified because it is either a computed column or is the result of a UNION operator.`,
    )
  if (column.type.name === 'rowversion')
    throw sqlError(
      273,
      'Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the timestamp column, or insert a DEFAULT into the timestamp column.',
    )
}

/** The columns an INSERT gives values for, in the statement's order, after the rules on identity and computed columns. */
export function insertColumns(state: SessionState, table: Table, names: readonly string[] | undefined): Column[] {
  const on = state.identityInsert === table
  const identity = table.columns.find((c) => c.identity !== undefined)
  if (names === undefined) {
    if (on && identity !== undefined)
      throw sqlError(
        8101,
        `An explicit value for the identity column in table '${table.name}' can only be specified when a column list is used and IDENTITY_INSERT is ON.`,
      )
    return table.columns.filter((c) => c.identity === undefined && c.computed === undefined)
  }
  const columns = names.map((n) => columnOf(table, n))
  if (new Set(columns).size !== columns.length)
    throw sqlError(264, `The column name is specified more than once in the SET clause or column list of an INSERT.`)
  if (identity !== undefined && columns.includes(identity) !== on) {
    if (on)
      throw sqlError(
        545,
        `Explicit value must be specified for identity column in table '${table.name}' either when IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT FOR REPLICATION identity column.`,
      )
    throw sqlError(
      544,
      `Cannot insert explicit value for identity column in table '${table.name}' when IDENTITY_INSERT is set to OFF.`,
    )
  }
  return columns
}

/** Runs a write whose rows `query` gives as (act, rid, c<id>..., extra...): numbers them, checks, outputs, applies. */
export async function write(
  state: SessionState,
  table: Table,
  query: string,
  options: {
    verb: Verb
    output?: Output | undefined
    send: SendRows
    extra?: readonly Source[]
    explicitIdentity: boolean
    order?: boolean
    constraints?: boolean
  },
): Promise<bigint> {
  const raw = `temp.${freshAlias()}s`
  await state.run(`CREATE TEMP TABLE ${raw.slice(5)} AS ${query}`)
  try {
    if (options.verb === 'MERGE') await refuseDoubles(state, raw)
    const rows = await state.rows(`SELECT act, count(*) FROM ${raw} GROUP BY act`)
    const counts = new Map(rows.map(([act, n]) => [Number(act), BigInt(n as bigint)]))
    const total = [...counts.values()].reduce((a, b) => a + b, 0n)
    const stage = await number(state, table, raw, counts, options)
    await checkRows(state, table, stage, options.verb, options)
    if (options.output !== undefined) await sendOutput(state, table, stage, options.output, options)
    if (total > 0n) await applyRows(state, table, stage, new Set([...counts.keys()] as (1 | 2 | 3)[]))
    return total
  } finally {
    await state.connection.run(`DROP TABLE IF EXISTS ${raw}`).catch(() => undefined)
  }
}

async function refuseDoubles(state: SessionState, raw: string): Promise<void> {
  const doubles = await state.rows(`SELECT 1 FROM ${raw} WHERE act <> 1 GROUP BY rid HAVING count(*) > 1 LIMIT 1`)
  if (doubles.length > 0) {
    throw sqlError(
      8672,
      'The MERGE statement attempted to UPDATE or DELETE the same row more than once. This happens when a target row matches more than one source row. A MERGE statement cannot UPDATE/DELETE the same row of the target table multiple times. Refine the ON clause to ensure a target row matches at most one source row, or use the GROUP BY clause to group the source rows.',
    )
  }
}

/** Fills identity and rowversion columns: the staging relation with its final values. */
async function number(
  state: SessionState,
  table: Table,
  raw: string,
  counts: ReadonlyMap<number, bigint>,
  options: { explicitIdentity: boolean },
): Promise<string> {
  const replaced: string[] = []
  const inserts = counts.get(1) ?? 0n
  const identity = table.columns.find((c) => c.identity !== undefined)
  if (identity?.identity !== undefined && inserts > 0n) {
    if (!table.temporary) state.keep(`identity ${table.objectId}`)
    const { seed, increment } = identity.identity
    if (options.explicitIdentity) {
      const [[low, high] = []] = await state.rows(
        `SELECT CAST(min(c${identity.id}) AS BIGINT), CAST(max(c${identity.id}) AS BIGINT) FROM ${raw} WHERE act = 1`,
      )
      const reach = increment > 0n ? high : low
      if (typeof reach === 'bigint') {
        if (
          table.identityLast === undefined ||
          (increment > 0n ? reach > table.identityLast : reach < table.identityLast)
        )
          table.identityLast = reach
        state.scopeIdentity = reach
      }
    } else {
      const first = table.identityLast === undefined ? seed : table.identityLast + increment
      replaced.push(
        `CASE WHEN act = 1 THEN CAST(${first} + (row_number() OVER (PARTITION BY act ORDER BY rowid) - 1) * (${increment}) AS ${duckType(identity.type)}) ELSE c${identity.id} END AS c${identity.id}`,
      )
      table.identityLast = first + (inserts - 1n) * increment
      state.scopeIdentity = table.identityLast
    }
  }
  const version = table.columns.find((c) => c.type.name === 'rowversion')
  if (version !== undefined) {
    const written = inserts + (counts.get(2) ?? 0n)
    const base = state.takeRowversions(table.database, written)
    replaced.push(
      `CASE WHEN act = 3 THEN NULL ELSE rowversion_bytes(${base} + row_number() OVER (PARTITION BY act = 3 ORDER BY rowid)) END AS c${version.id}`,
    )
  }
  if (replaced.length === 0) return raw
  const numbered = `${raw}n`
  await state.run(
    `CREATE TEMP TABLE ${numbered.slice(5)} AS SELECT * REPLACE (${replaced.join(', ')}) FROM ${raw} ORDER BY rowid`,
  )
  await state.run(`DROP TABLE ${raw}`)
  await state.run(`ALTER TABLE ${numbered} RENAME TO ${raw.slice(5)}`)
  return raw
}

/** OUTPUT: inserted and deleted rows, $action, and a MERGE's source columns, which stand in the staging rows. */
async function sendOutput(
  state: SessionState,
  table: Table,
  stage: string,
  output: Output,
  options: { verb: Verb; send: SendRows; extra?: readonly Source[] },
): Promise<void> {
  const inserted = tableColumns(table, 'n', state)
  const deleted = tableColumns(table, 'd', state)
  const sources: Source[] = []
  if (options.verb !== 'DELETE') sources.push({ alias: 'inserted', schema: undefined, columns: inserted })
  if (options.verb !== 'INSERT') sources.push({ alias: 'deleted', schema: undefined, columns: deleted })
  if (options.verb === 'MERGE') {
    const action = bound(
      "CASE n.act WHEN 1 THEN 'INSERT' WHEN 2 THEN 'UPDATE' ELSE 'DELETE' END",
      { name: 'nvarchar', length: 10 },
      { name: '$action' },
    )
    sources.push({ alias: '', schema: undefined, columns: [action] })
  }
  sources.push(...(options.extra ?? []))
  const binder = new Binder(state.queryContext(), { sources, parent: undefined })
  const columns = output.items.flatMap((item) => expandItem(item, binder, sources))
  const list = columns.map((c, i) => `${c.isNull ? 'CAST(NULL AS INTEGER)' : c.sql} AS r${i + 1}`)
  const sql = `SELECT ${list.join(', ')} FROM ${stage} AS n LEFT JOIN ${table.relation} AS d ON d.rowid = n.rid ORDER BY n.rowid`
  if (output.into === undefined) {
    await options.send(sql, columns)
    return
  }
  const target = targetTable(state, output.into.target)
  await insertRows(state, target, insertColumns(state, target, output.into.columns), sql, columns, {
    send: options.send,
  })
}

/** Inserts the rows of a query whose columns are r1... */
export async function insertRows(
  state: SessionState,
  table: Table,
  into: readonly Column[],
  sql: string,
  values: readonly Bound[],
  options: { output?: Output | undefined; send: SendRows },
): Promise<bigint> {
  const writable = into.length > values.length ? into.filter((c) => c.type.name !== 'rowversion') : into
  if (writable.length !== values.length)
    throw sqlError(213, 'Column name or number of supplied values does not match table definition.')
  writable.forEach(assertWritable)
  const items = storedColumns(table).map((c) => {
    const at = writable.indexOf(c)
    const value = values[at]
    const source =
      value === undefined ? defaultOf(state, c) : assigned({ ...value, sql: value.isNull ? 'NULL' : `q.r${at + 1}` }, c)
    return `${source.sql} AS c${c.id}`
  })
  const names = values.length === 0 ? 'r1' : values.map((_, i) => `r${i + 1}`).join(', ')
  const query = `SELECT CAST(1 AS TINYINT) AS act, CAST(NULL AS BIGINT) AS rid, ${items.join(', ')} FROM (${sql}) AS q(${names})`
  return await write(state, table, query, {
    verb: 'INSERT',
    ...options,
    explicitIdentity: writable.some((c) => c.identity !== undefined),
  })
}
