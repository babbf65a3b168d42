import type { Assignment, DmlTarget, Expression, FromItem, Output, StatementOf } from '../tsql/ast.ts'
import { parseExpressionText } from '../tsql/statements.ts'
import { Binder, type Scope, type Source } from './bind.ts'
import { type Bound, bound } from './bound.ts'
import { bindFrom, bindQuery, bindValues, expandItem, freshAlias, type QueryContext } from './bind-query.ts'
import { type Column, columnOf, fold, type Table } from './catalog.ts'
import { checkConstant, convert, implicitly } from './convert.ts'
import { notImplemented, sqlError } from './errors.ts'
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

/** The value of a column that an INSERT does not name. */
function defaultOf(state: SessionState, column: Column): Bound {
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
  return implicitly(value, column.type)
}

function assertWritable(column: Column): void {
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
    await checkRows(state, table, stage, options.verb)
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
async function insertRows(
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
      const query = bindQuery(s.source.query, withCommon(state, s.with), undefined)
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
  const top = s.top === undefined ? '' : ` LIMIT ${String(binder.value(s.top).constant)}`
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
