import type { Assignment, Expression, FromItem, StatementOf } from '../tsql/ast.ts'
import { Binder, type Scope, type Source } from './bind.ts'
import type { Bound } from './bound.ts'
import { bindFrom, bindQuery, bindValues, freshAlias, type QueryContext } from './bind-query.ts'
import { type Column, columnOf, fold, type Table } from './catalog.ts'
import { notImplemented, sqlError } from './errors.ts'
import { tableOf } from './names.ts'
import type { SessionState } from './state.ts'
import { duckType } from './types.ts'
import { storedColumns, tableColumns } from './write.ts'
import {
  assertWritable,
  assigned,
  defaultOf,
  insertColumns,
  insertRows,
  type SendRows,
  targetTable,
  write,
} from './write-rows.ts'

function withCommon(state: SessionState, common: StatementOf<'update'>['with']): QueryContext {
  const context = state.queryContext()
  if (common.length === 0) return context
  return context.withCommonTables(
    {
      kind: 'query',
      with: common,
      body: {
        kind: 'select',
        distinct: false,
        top: undefined,
        items: [],
        into: undefined,
        from: undefined,
        where: undefined,
        groupBy: [],
        having: undefined,
      },
      orderBy: [],
      offset: undefined,
      fetch: undefined,
    },
    undefined,
  )
}

export async function insert(state: SessionState, s: StatementOf<'insert'>, send: SendRows): Promise<bigint> {
  const table = targetTable(state, s.target)
  await state.lockForWrite(table)
  await state.enter(true)
  const options = { output: s.output, send }
  const columns = s.source.kind === 'defaults' ? [] : insertColumns(state, table, s.columns)
  switch (s.source.kind) {
    case 'defaults':
      return await insertRows(state, table, [], 'SELECT 1', [], options)
    case 'query': {
      const { query: rows } = s.source
      const query = await state.rowCounts.settle(state, () => bindQuery(rows, withCommon(state, s.with), undefined))
      return await insertRows(state, table, columns, query.sql, query.columns, options)
    }
    case 'values': {
      const binder = new Binder(withCommon(state, s.with), { sources: [], parent: undefined })
      const width = s.source.rows[0]?.length ?? 0
      const targets = columns.length > width ? columns.filter((c) => c.type.name !== 'rowversion') : columns
      const wrong = s.source.rows.find((r) => r.length !== targets.length)
      if (wrong !== undefined) {
        const more = wrong.length > targets.length
        throw sqlError(
          s.columns === undefined ? 213 : more ? 110 : 109,
          s.columns === undefined
            ? 'Column name or number of supplied values does not match table definition.'
            : `There are ${more ? 'fewer' : 'more'} columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.`,
        )
      }
      const rowversionDefault = (e: Expression, c: Column | undefined): boolean =>
        e.kind === 'default' && c?.type.name === 'rowversion'
      const kept = targets.filter(
        (c, i) =>
          !s.source ||
          !('rows' in s.source) ||
          !s.source.rows.every((r) => rowversionDefault(r[i] ?? { kind: 'null' }, c)),
      )
      kept.forEach(assertWritable)
      const rows = s.source.rows.map((row) =>
        kept.map((c) => {
          const e = row[targets.indexOf(c)] ?? { kind: 'null' as const }
          return e.kind === 'default' ? defaultOf(state, c) : assigned(binder.value(e), c)
        }),
      )
      const { sql, columns: values } = bindValues(rows)
      return await insertRows(state, table, kept, sql, values, options)
    }
    case 'execute':
      throw notImplemented('INSERT ... EXECUTE')
    default:
      return s.source satisfies never
  }
}

/** The FROM clause of UPDATE and DELETE: the target may be named in it by its alias. */
function bindTarget(
  state: SessionState,
  s: StatementOf<'update'> | StatementOf<'delete'>,
  context: QueryContext,
): { table: Table; alias: string; scope: Scope; from: string } {
  const sources: Source[] = []
  if (s.from === undefined) {
    const table = targetTable(state, s.target)
    const alias = freshAlias()
    sources.push({
      alias: s.target.kind === 'table' ? (s.target.name.at(-1) ?? '') : s.target.name,
      schema: table.schema.name,
      columns: tableColumns(table, alias, state),
    })
    return { table, alias, scope: { sources, parent: undefined }, from: `${table.relation} AS ${alias}` }
  }
  const from = bindFrom(s.from, context, undefined, sources)
  const wanted = s.target.kind === 'table' ? (s.target.name.at(-1) ?? '') : s.target.name
  const named = findNamed(s.from, wanted)
  const source = sources.find((x) => fold(x.alias) === fold(named?.alias ?? wanted))
  if (source === undefined || named === undefined) {
    const table = targetTable(state, s.target)
    const alias = freshAlias()
    sources.push({ alias: wanted, schema: table.schema.name, columns: tableColumns(table, alias, state) })
    return {
      table,
      alias,
      scope: { sources, parent: undefined },
      from: `${from} CROSS JOIN ${table.relation} AS ${alias}`,
    }
  }
  const table =
    named.kind === 'variable' ? targetTable(state, { kind: 'variable', name: named.name }) : tableOf(state, named.name)
  const first = source.columns.find((c) => !c.computed)
  return { table, alias: first?.sql.split('.')[0] ?? '', scope: { sources, parent: undefined }, from }
}

type Named = Extract<FromItem, { kind: 'table' | 'variable' }>

function findNamed(item: FromItem, name: string): Named | undefined {
  const all: Named[] = []
  const walk = (i: FromItem): void => {
    if (i.kind === 'join') {
      walk(i.left)
      walk(i.right)
    } else if (i.kind === 'table' || i.kind === 'variable') all.push(i)
  }
  walk(item)
  const tail = (i: Named): string => (i.kind === 'table' ? (i.name.at(-1) ?? '') : i.name)
  return (
    all.find((i) => i.alias !== undefined && fold(i.alias) === fold(name)) ??
    all.find((i) => i.alias === undefined && fold(tail(i)) === fold(name)) ??
    all.find((i) => fold(tail(i)) === fold(name))
  )
}

/** The new image of an updated row. */
function updatedImage(
  state: SessionState,
  table: Table,
  set: readonly Assignment[],
  binder: Binder,
  alias: string,
): string[] {
  const values = new Map<Column, Bound>()
  for (const a of set) {
    if (a.column === undefined) throw notImplemented('UPDATE ... SET @variable = expression')
    const column = columnOf(table, a.column)
    if (column.identity !== undefined) throw sqlError(8102, `Cannot update identity column '${column.name}'.`)
    if (column.type.name === 'rowversion') throw sqlError(272, 'Cannot update a timestamp column.')
    assertWritable(column)
    if (values.has(column))
      throw sqlError(
        264,
        `The column name '${column.name}' is specified more than once in the SET clause or column list of an INSERT.`,
      )
    values.set(column, a.value.kind === 'default' ? defaultOf(state, column) : assigned(binder.value(a.value), column))
  }
  return storedColumns(table).map((c) => `${values.get(c)?.sql ?? `${alias}.c${c.id}`} AS c${c.id}`)
}

export async function update(
  state: SessionState,
  s: StatementOf<'update'> | StatementOf<'delete'>,
  send: SendRows,
): Promise<bigint> {
  const context = withCommon(state, s.with)
  const probe = bindTarget(state, s, context)
  await state.lockForWrite(probe.table)
  await state.enter(true)
  const { table, alias, scope, from } = probe
  const binder = new Binder(context, scope)
  const where = s.where === undefined ? '' : ` WHERE ${binder.predicate(s.where)}`
  const top = s.top === undefined ? '' : ` LIMIT ${rowLimit(binder.value(s.top))}`
  const image =
    s.kind === 'update'
      ? updatedImage(state, table, s.set, binder, alias)
      : storedColumns(table).map((c) => `CAST(NULL AS ${duckType(c.type)}) AS c${c.id}`)
  const act = s.kind === 'update' ? 2 : 3
  const rows = `SELECT CAST(${act} AS TINYINT) AS act, ${alias}.rowid AS rid, ${image.join(', ')} FROM ${from}${where}`
  const once = s.from === undefined ? rows : `SELECT DISTINCT ON (rid) * FROM (${rows})`
  return await write(state, table, once + top, {
    verb: s.kind === 'update' ? 'UPDATE' : 'DELETE',
    output: s.output,
    send,
    explicitIdentity: false,
  })
}

/** TOP of a write: a literal or a variable. */
function rowLimit({ constant }: Bound): bigint {
  if (typeof constant === 'bigint') return constant
  if (typeof constant === 'number') return BigInt(Math.trunc(constant))
  throw notImplemented('TOP of a computed number in UPDATE and DELETE')
}

export async function merge(state: SessionState, s: StatementOf<'merge'>, send: SendRows): Promise<bigint> {
  const context = withCommon(state, s.with)
  const table = targetTable(state, s.target)
  await state.lockForWrite(table)
  await state.enter(true)
  const exposed = s.alias ?? (s.target.kind === 'table' ? (s.target.name.at(-1) ?? '') : s.target.name)
  const found: Source[] = []
  const from = bindFrom(s.source, context, undefined, found)
  const flat = found.flatMap((source) => source.columns)
  const list = flat.map((c, i) => `${c.sql} AS x${i + 1}`)
  let at = 0
  const relative = (alias: string): Source[] => {
    at = 0
    return found.map((source) => ({
      ...source,
      columns: source.columns.map((c) => ({ ...c, sql: `${alias}.x${++at}`, computed: false })),
    }))
  }
  const sources = relative('s')
  const target: Source = { alias: exposed, schema: table.schema.name, columns: tableColumns(table, 't', state) }
  const both = new Binder(context, { sources: [target, ...sources], parent: undefined })
  const on = both.predicate(s.on)
  const bySource = s.whens.some((w) => w.match === 'notMatchedBySource')
  const stored = storedColumns(table)
  const branches: string[] = []
  const images = new Map<number, string[]>()
  const side = {
    matched: 't.rowid IS NOT NULL AND s.rn IS NOT NULL',
    notMatchedByTarget: 't.rowid IS NULL',
    notMatchedBySource: 's.rn IS NULL',
  }
  for (const [i, when] of s.whens.entries()) {
    const condition = when.condition === undefined ? '' : ` AND ${both.predicate(when.condition)}`
    branches.push(`WHEN ${side[when.match]}${condition} THEN ${i}`)
    if (when.action.kind === 'update')
      images.set(
        i,
        updatedImage(state, table, when.action.set, both, 't').map((c) => c.replace(/ AS c\d+$/, '')),
      )
    else if (when.action.kind === 'insert')
      images.set(i, insertImage(state, table, when.action, new Binder(context, { sources, parent: undefined })))
  }
  const act = s.whens
    .map((w, i) => `WHEN ${i} THEN ${w.action.kind === 'insert' ? 1 : w.action.kind === 'update' ? 2 : 3}`)
    .join(' ')
  const columns = stored.map((c, n) => {
    const cases = [...images].map(([i, image]) => `WHEN ${i} THEN ${image[n]}`)
    return `CASE clause ${cases.join(' ')} ELSE NULL END`.replace('CASE clause  ELSE NULL END', 'NULL') === 'NULL'
      ? `CAST(NULL AS ${duckType(c.type)}) AS c${c.id}`
      : `CAST(CASE w.clause ${cases.join(' ')} ELSE NULL END AS ${duckType(c.type)}) AS c${c.id}`
  })
  // The row's clause first; then only that clause's values are computed.
  const xs = flat.map((_, i) => `s.x${i + 1}`)
  const joined = `SELECT t.rowid AS trid, s.rn AS srn, CAST(CASE ${branches.join(' ')} ELSE -1 END AS INTEGER) AS clause${xs.length > 0 ? `, ${xs.join(', ')}` : ''}${stored.map((c) => `, t.c${c.id}`).join('')} FROM (SELECT row_number() OVER () AS rn, ${list.join(', ')} FROM ${from}) AS s ${bySource ? 'FULL' : 'LEFT'} JOIN (SELECT rowid, * FROM ${table.relation}) AS t ON ${on}`
  const rewrite = (sql: string): string => sql.replace(/\b[ts]\.(?=[cx]\d)/g, 'w.')
  const query = `SELECT CAST(CASE w.clause ${act} END AS TINYINT) AS act, w.trid AS rid, ${columns.map(rewrite).join(', ')}${flat.map((_, i) => `, w.x${i + 1}`).join('')} FROM (${joined}) AS w WHERE w.clause >= 0`
  const explicitIdentity = s.whens.some(
    (w) =>
      w.action.kind === 'insert' && (w.action.columns ?? []).some((n) => columnOf(table, n).identity !== undefined),
  )
  return await write(state, table, query, {
    verb: 'MERGE',
    output: s.output,
    send,
    extra: relative('n'),
    explicitIdentity,
  })
}

function insertImage(
  state: SessionState,
  table: Table,
  action: { columns: readonly string[] | undefined; values: readonly Expression[] | undefined },
  binder: Binder,
): string[] {
  const all = insertColumns(state, table, action.columns)
  const into =
    action.values !== undefined && all.length > action.values.length
      ? all.filter((c) => c.type.name !== 'rowversion')
      : all
  if (action.values !== undefined && into.length !== action.values.length)
    throw sqlError(213, 'Column name or number of supplied values does not match table definition.')
  into.forEach(assertWritable)
  return storedColumns(table).map((c) => {
    const e = action.values?.[into.indexOf(c)]
    if (e === undefined || e.kind === 'default') return defaultOf(state, c).sql
    return assigned(binder.value(e), c).sql
  })
}
