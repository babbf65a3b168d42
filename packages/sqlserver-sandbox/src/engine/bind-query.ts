import type { FromItem, Query, QueryBody, Select, SelectItem } from '../tsql/ast.ts'
import { Binder, type BindContext, type Scope, type Source } from './bind.ts'
import { type Bound, bound, keySql, orderSql } from './bound.ts'
import { fold } from './catalog.ts'
import { commonType, nullValue } from './compare.ts'
import { implicitly } from './convert.ts'
import { notImplemented, sqlError } from './errors.ts'
import { parseNumber } from './numbers.ts'
import { duckType } from './types.ts'

export interface BoundQuery {
  readonly sql: string
  readonly columns: readonly Bound[]
  /** The same rows for a client, when that is another statement: texts that {@link isRepeated} says stand as their parts. */
  readonly sent?: string
}

/** Whether a value to be sent stands as a text and a number of times, because the whole of many rows would not fit in memory. */
export function isRepeated({ repeated, sql }: Bound): boolean {
  return repeated?.sql === sql
}

/** What a FROM clause may name. */
export interface QueryContext extends BindContext {
  /** A table, view or common table by name: DuckDB SQL of the relation, and its columns relative to `alias`. */
  source(
    name: readonly string[],
    alias: string,
    hints: readonly string[],
  ): { sql: string; columns: readonly Bound[]; schema: string | undefined }
  tableVariable(name: string, alias: string): { sql: string; columns: readonly Bound[] }
  tableFunction(
    name: readonly string[],
    args: readonly Bound[],
    alias: string,
  ): { sql: string; columns: readonly Bound[] }
  withCommonTables(query: Query, parent: Scope | undefined): QueryContext
}

let aliasCounter = 0

/** A DuckDB alias that no T-SQL name can meet. */
export function freshAlias(): string {
  aliasCounter = (aliasCounter + 1) % 1_000_000_000
  return `a${aliasCounter}`
}

export function bindQuery(query: Query, outer: QueryContext, parent: Scope | undefined): BoundQuery {
  const context = query.with.length > 0 ? outer.withCommonTables(query, parent) : outer
  if (query.body.kind === 'select') return bindSelect(query.body, context, parent, query)
  const body = bindBody(query.body, context, parent)
  if (query.orderBy.length === 0) return body
  const alias = freshAlias()
  const columns = body.columns.map((c, i) => ({ ...c, sql: `${alias}.r${i + 1}` }))
  const scope: Scope = { sources: [{ alias: '', schema: undefined, columns }], parent: undefined }
  const binder = new Binder(context, scope)
  const order = query.orderBy.map((o) => orderItem(o.expression, o.descending, binder, columns))
  return {
    sql: `SELECT * FROM (${body.sql}) AS ${alias}(${names(columns.length)}) ORDER BY ${order.join(', ')}${limit(query, undefined, binder)}`,
    columns: body.columns,
  }
}

function names(count: number): string {
  return Array.from({ length: count }, (_, i) => `r${i + 1}`).join(', ')
}

function bindBody(body: QueryBody, context: QueryContext, parent: Scope | undefined): BoundQuery {
  if (body.kind === 'select') return bindSelect(body, context, parent, undefined)
  const left = bindBody(body.left, context, parent)
  const right = bindBody(body.right, context, parent)
  if (left.columns.length !== right.columns.length) {
    throw sqlError(
      205,
      'All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.',
    )
  }
  const columns = left.columns.map((l, i) => {
    const r = right.columns[i] ?? nullValue
    const type = commonType([l, r])
    return bound(`r${i + 1}`, type, {
      name: l.name,
      nullable: l.nullable || r.nullable,
      collation: l.collation ?? r.collation,
    })
  })
  const side = (query: BoundQuery): string => {
    const alias = freshAlias()
    const items = query.columns.map(
      (c, i) =>
        `${implicitly({ ...c, sql: `${alias}.r${i + 1}`, hasConstant: false }, columns[i]?.type ?? c.type).sql} AS r${i + 1}`,
    )
    return `SELECT ${items.join(', ')} FROM (${query.sql}) AS ${alias}(${names(columns.length)})`
  }
  const keys = (alias: string): string[] => columns.map((c, i) => keySql({ ...c, sql: `${alias}.r${i + 1}` }))
  if (body.operator === 'unionAll') return { sql: `${side(left)} UNION ALL ${side(right)}`, columns }
  if (body.operator === 'union') {
    return {
      sql: `SELECT DISTINCT ON (${keys('u').join(', ')}) ${names(columns.length)} FROM (${side(left)} UNION ALL ${side(right)}) AS u`,
      columns,
    }
  }
  const other = keys('y')
  const same = keys('x').map((k, i) => `${k} IS NOT DISTINCT FROM ${other[i]}`)
  const not = body.operator === 'except' ? 'NOT ' : ''
  return {
    sql: `SELECT DISTINCT ON (${keys('x').join(', ')}) x.* FROM (${side(left)}) AS x WHERE ${not}EXISTS (SELECT 1 FROM (${side(right)}) AS y WHERE ${same.join(' AND ')})`,
    columns,
  }
}

function bindSelect(
  select: Select,
  context: QueryContext,
  parent: Scope | undefined,
  query: Query | undefined,
): BoundQuery {
  const sources: Source[] = []
  const from = select.from === undefined ? '' : ` FROM ${bindFrom(select.from, context, parent, sources)}`
  const scope: Scope = { sources, parent }
  const plain = new Binder(context, scope)
  const where = select.where === undefined ? '' : ` WHERE ${plain.predicate(select.where)}`
  const groups = new Map<string, string>()
  const groupKeys = select.groupBy.map((g) => {
    const value = plain.value(g)
    const key = keySql(value)
    if (key !== value.sql) groups.set(value.sql, `any_value(${value.sql})`)
    return key
  })
  const binder = groups.size > 0 ? new Binder(context, { ...scope, groups }) : plain
  const group = groupKeys.length > 0 ? ` GROUP BY ${groupKeys.join(', ')}` : ''
  const having = select.having === undefined ? '' : ` HAVING ${binder.predicate(select.having)}`
  const columns = select.items.flatMap((item) => expandItem(item, binder, sources))
  const list = columns
    .map((c, i) => `${c.isNull ? `CAST(NULL AS ${duckType(c.type)})` : c.sql} AS r${i + 1}`)
    .join(', ')
  const sentList = columns.map((c, i) => {
    const sql = isRepeated(c) ? `struct_pack(t := ${c.repeated?.text}, n := ${c.repeated?.times})` : c.sql
    return `${c.isNull ? `CAST(NULL AS ${duckType(c.type)})` : sql} AS r${i + 1}`
  })
  const distinct = select.distinct
  const order = (query?.orderBy ?? []).map((o) => {
    if (!distinct) return orderItem(o.expression, o.descending, binder, columns)
    return orderItem(
      o.expression,
      o.descending,
      binder,
      columns.map((c, i) => ({ ...c, sql: `d.r${i + 1}` })),
      true,
    )
  })
  const orderBy = order.length > 0 ? ` ORDER BY ${order.join(', ')}` : ''
  const cut = limit(query, select.top?.count, plain)
  if (!distinct) {
    const rest = `${from}${where}${group}${having}${orderBy}${cut}`
    return { sql: `SELECT ${list}${rest}`, columns, sent: `SELECT ${sentList.join(', ')}${rest}` }
  }
  const keys = columns.map((c, i) => keySql({ ...c, sql: `d.r${i + 1}` }))
  const inner = `SELECT DISTINCT ON (${keys.join(', ')}) d.* FROM (SELECT ${list}${from}${where}${group}${having}) AS d`
  return { sql: orderBy || cut ? `SELECT * FROM (${inner}) AS d${orderBy}${cut}` : inner, columns }
}

function orderItem(
  e: SelectItem['expression'],
  descending: boolean,
  binder: Binder,
  columns: readonly Bound[],
  outputOnly = false,
): string {
  if (e.kind === 'literal' && typeof e.value === 'number') {
    const column = columns[e.value - 1]
    if (column === undefined)
      throw sqlError(
        108,
        `The ORDER BY position number ${e.value} is out of range of the number of items in the select list.`,
        { severity: 15 },
      )
    return orderSql(column, descending)
  }
  if (e.kind === 'column') {
    const name = e.parts.at(-1) ?? ''
    const found = columns.find((c) => c.name !== undefined && fold(c.name) === fold(name))
    if (found !== undefined && (e.parts.length === 1 || outputOnly)) return orderSql(found, descending)
  }
  if (outputOnly)
    throw sqlError(145, 'ORDER BY items must appear in the select list if SELECT DISTINCT is specified.', {
      severity: 15,
    })
  return orderSql(binder.value(e), descending)
}

function limit(
  query: Query | undefined,
  top: Select['top'] extends infer T ? (T extends { count: infer C } ? C : never) | undefined : never,
  binder: Binder,
): string {
  let sql = ''
  if (top !== undefined) sql += ` LIMIT ${rowCount(binder.value(top), 'TOP')}`
  if (query?.fetch !== undefined) sql += ` LIMIT ${rowCount(binder.value(query.fetch), 'FETCH')}`
  if (query?.offset !== undefined) sql += ` OFFSET ${rowCount(binder.value(query.offset), 'OFFSET')}`
  return sql
}

function rowCount(value: Bound, clause: string): string {
  const count = value.hasConstant ? parseNumber(value.constant) : undefined
  if (count === undefined) throw notImplemented(`${clause} with an expression`)
  if (count < 0n)
    throw sqlError(
      1060,
      `The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.`,
    )
  return count.toString()
}

export function expandItem(item: SelectItem, binder: Binder, sources: readonly Source[]): Bound[] {
  const e = item.expression
  if (e.kind !== 'star') {
    const value = binder.value(e)
    // A column has the name of the query, not of the table: they may differ in case.
    return [{ ...value, name: item.alias ?? (e.kind === 'column' ? e.parts.at(-1) : undefined) }]
  }
  const qualifier = e.qualifier.at(-1)
  const wanted = sources.filter((s) => qualifier === undefined || fold(s.alias) === fold(qualifier))
  if (wanted.length === 0) {
    if (qualifier === undefined) throw sqlError(263, 'Must specify table to select from.')
    throw sqlError(
      107,
      `The column prefix '${qualifier}' does not match with a table name or alias name used in the query.`,
      { severity: 15 },
    )
  }
  return wanted.flatMap((s) => s.columns)
}

/** Adds the sources of a FROM clause in their order and gives its SQL. */
export function bindFrom(item: FromItem, context: QueryContext, parent: Scope | undefined, sources: Source[]): string {
  const add = (alias: string, columns: readonly Bound[], schema?: string): void => {
    if (sources.some((s) => fold(s.alias) === fold(alias) && alias !== '')) {
      throw sqlError(
        1013,
        `The objects "${alias}" and "${alias}" in the FROM clause have the same exposed names. Use correlation names to distinguish them.`,
      )
    }
    sources.push({ alias, columns, schema })
  }
  const alias = freshAlias()
  switch (item.kind) {
    case 'table': {
      const found = context.source(item.name, alias, item.hints)
      add(item.alias ?? item.name.at(-1) ?? '', found.columns, item.alias === undefined ? found.schema : undefined)
      return `${found.sql} AS ${alias}`
    }
    case 'variable': {
      const found = context.tableVariable(item.name, alias)
      add(item.alias ?? item.name, found.columns)
      return `${found.sql} AS ${alias}`
    }
    case 'function': {
      const binder = new Binder(context, { sources, parent })
      const found = context.tableFunction(
        item.name,
        item.arguments.map((a) => binder.value(a)),
        alias,
      )
      add(item.alias ?? item.name.at(-1) ?? '', found.columns)
      return `${found.sql} AS ${alias}`
    }
    case 'derived': {
      const query = bindInner(item.query, context, parent)
      add(item.alias, derivedColumns(query.columns, item.columns, alias, item.alias))
      return `(${query.sql}) AS ${alias}(${names(query.columns.length)})`
    }
    case 'values': {
      const binder = new Binder(context, { sources: parent === undefined ? [] : [], parent })
      const { sql, columns } = bindValues(item.rows.map((row) => row.map((e) => binder.value(e))))
      add(item.alias, derivedColumns(columns, item.columns, alias, item.alias))
      return `(${sql}) AS ${alias}(${names(columns.length)})`
    }
    case 'join': {
      const left = bindFrom(item.left, context, parent, sources)
      if (item.type === 'crossApply' || item.type === 'outerApply') {
        const rightSources: Source[] = []
        const right = bindFrom(item.right, context, { sources: [...sources], parent }, rightSources)
        sources.push(...rightSources)
        return item.type === 'crossApply'
          ? `${left} CROSS JOIN LATERAL ${right}`
          : `${left} LEFT JOIN LATERAL ${right} ON TRUE`
      }
      const right = bindFrom(item.right, context, parent, sources)
      if (item.type === 'cross') return `${left} CROSS JOIN ${item.right.kind === 'join' ? `(${right})` : right}`
      const on = new Binder(context, { sources, parent }).predicate(item.on ?? { kind: 'null' })
      return `${left} ${item.type.toUpperCase()} JOIN ${item.right.kind === 'join' ? `(${right})` : right} ON ${on}`
    }
    default:
      return item satisfies never
  }
}

/** A query inside another: its order means something only with TOP or OFFSET. */
export function bindInner(query: Query, context: QueryContext, parent: Scope | undefined): BoundQuery {
  const limited = query.offset !== undefined || (query.body.kind === 'select' && query.body.top !== undefined)
  if (query.orderBy.length > 0 && !limited)
    throw sqlError(
      1033,
      'The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified.',
    )
  return bindQuery(query, context, parent)
}

function derivedColumns(
  columns: readonly Bound[],
  renamed: readonly string[] | undefined,
  alias: string,
  exposed: string,
): Bound[] {
  if (renamed !== undefined && renamed.length !== columns.length) {
    throw sqlError(
      renamed.length > columns.length ? 8159 : 8158,
      `'${exposed}' has ${renamed.length > columns.length ? 'fewer' : 'more'} columns than were specified in the column list.`,
    )
  }
  const seen = new Set<string>()
  return columns.map((c, i) => {
    const name = renamed?.[i] ?? c.name
    if (name === undefined || name === '')
      throw sqlError(8155, `No column name was specified for column ${i + 1} of '${exposed}'.`, { state: 2 })
    if (seen.has(fold(name)))
      throw sqlError(8156, `The column '${name}' was specified multiple times for '${exposed}'.`)
    seen.add(fold(name))
    return bound(`${alias}.r${i + 1}`, c.type, {
      name,
      nullable: c.nullable,
      collation: c.collation,
      identity: c.identity,
    })
  })
}

/** Rows of a VALUES list, brought to common types. */
export function bindValues(rows: readonly (readonly Bound[])[]): BoundQuery {
  const width = rows[0]?.length ?? 0
  if (rows.some((r) => r.length !== width))
    throw sqlError(10709, 'The number of columns for each row in a table value constructor must be the same.')
  const columns = Array.from({ length: width }, (_, i) => {
    const cells = rows.map((r) => r[i] ?? nullValue)
    return bound(`r${i + 1}`, commonType(cells), {
      collation: cells.find((c) => c.collation !== undefined)?.collation,
      nullable: cells.some((c) => c.nullable),
    })
  })
  const sql = rows.map((row) => `(${row.map((c, i) => implicitly(c, columns[i]?.type ?? c.type).sql).join(', ')})`)
  return { sql: `VALUES ${sql.join(', ')}`, columns }
}
