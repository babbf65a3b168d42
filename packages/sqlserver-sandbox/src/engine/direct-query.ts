import type { SqlType, SqlValue } from '../session.ts'
import type { FromItem, OrderItem, Query, Select, SelectItem } from '../tsql/ast.ts'
import { isAggregate } from './aggregates.ts'
import { Binder } from './bind.ts'
import { bindQuery, type QueryContext } from './bind-query.ts'
import type { Bound } from './bound.ts'
import { fold, splitName } from './catalog.ts'
import {
  type DirectScope,
  type DirectSource,
  fieldOf,
  type Rows,
  sortKey,
  testOf,
  type Value,
  valueOf,
} from './direct-expressions.ts'
import { conjuncts, joiner, placeTests, type Stage } from './direct-joins.ts'
import { Declined, integerAs, type Key, kindOf, order } from './direct-values.ts'
import { findTable } from './names.ts'
import { parseNumber } from './numbers.ts'
import type { SessionState } from './state.ts'
import type { Row } from './system-objects.ts'
import { viewColumns, viewOf } from './system-views.ts'

/**
 * The rows of a query that reads catalog views alone, or nothing: DuckDB takes far longer to plan such a query than the few rows of
 * a catalog need. It is bound as every query is; undefined for all that {@link valueOf} and its like leave to DuckDB, which gives
 * the same rows.
 */
export function directRows(
  state: SessionState,
  query: Query,
): { readonly columns: readonly Bound[]; readonly rows: readonly SqlValue[][] } | undefined {
  if (!readsViews(query)) return undefined
  const context = withoutRows(state, state.queryContext())
  const { columns } = bindQuery(query, context, undefined)
  try {
    return { columns, rows: new Direct(state, context).query(query, undefined).rows([]) }
  } catch (error) {
    if (error instanceof Declined) return undefined
    throw error
  }
}

/** Whether a query may be one of catalog views; the cheapest test, for it is asked of every query. */
function readsViews({ body, with: common, offset, fetch }: Query): boolean {
  if (body.kind !== 'select' || common.length > 0 || offset !== undefined || fetch !== undefined) return false
  if (body.distinct || body.into !== undefined || body.groupBy.length > 0 || body.having !== undefined) return false
  const views = (item: FromItem): boolean =>
    item.kind === 'join'
      ? views(item.left) && views(item.right)
      : item.kind === 'table' && /^(sys|information_schema)$/i.test(item.name.at(-2) ?? '')
  return body.from === undefined || views(body.from)
}

/** Binds views without their rows. */
function withoutRows(state: SessionState, context: QueryContext): QueryContext {
  const own: QueryContext = {
    ...context,
    bindQuery: (query, parent) => bindQuery(query, own, parent),
    source(name, alias, hints) {
      const view = viewOf(state, splitName(name))
      if (view === undefined || findTable(state, name) !== undefined) return context.source(name, alias, hints)
      return { sql: '', columns: viewColumns(view, alias), schema: splitName(name).schema }
    },
  }
  return own
}

interface Planned {
  readonly types: readonly SqlType[]
  rows(at: Rows): SqlValue[][]
}

class Direct {
  readonly #state: SessionState
  readonly #context: QueryContext
  readonly #rows = new Map<string, readonly Row[]>()
  #slots = 0

  constructor(state: SessionState, context: QueryContext) {
    this.#state = state
    this.#context = context
  }

  query(query: Query, parent: DirectScope | undefined): Planned {
    const { body } = query
    if (body.kind !== 'select' || !readsViews(query)) throw new Declined()
    const sources: DirectSource[] = []
    const scope: DirectScope = {
      context: this.#context,
      sources,
      parent,
      query: (inner, around) => this.query(inner, around),
    }
    const stages: Stage[] = []
    if (body.from !== undefined) this.#from(body.from, scope, sources, stages)
    const tests = conjuncts(body.where).map((e) => testOf(e, scope))
    placeTests(stages, tests)
    const join = joiner(stages)
    const each = (at: Rows, found: () => void): void => {
      if (stages.length > 0) join(at, found)
      else if (tests.every((test) => test.holds(at) === true)) found()
    }
    const limit = this.#limit(body.top)
    if (body.items.some(({ expression: e }) => e.kind === 'call' && isAggregate(e.name.toUpperCase()))) {
      if (query.orderBy.length > 0 || limit !== Infinity) throw new Declined()
      return aggregated(body.items, scope, each)
    }
    const items = body.items.flatMap((item) => itemsOf(item, scope))
    const keys = query.orderBy.map((item) => orderOf(item, items, scope))
    return {
      types: items.map(({ value }) => value.type),
      rows: (at) => {
        const found: { readonly row: SqlValue[]; readonly keys: readonly (Key | null)[] }[] = []
        each(at, () => {
          found.push({ row: items.map(({ value }) => value.read(at)), keys: keys.map(({ key }) => key(at)) })
        })
        if (keys.length > 0) found.sort((a, b) => compareKeys(a.keys, b.keys, query.orderBy))
        return found.slice(0, limit).map(({ row }) => row)
      },
    }
  }

  #limit(top: Select['top']): number {
    if (top === undefined) return Infinity
    const { hasConstant, constant } = new Binder(this.#context, { sources: [], parent: undefined }).value(top.count)
    const count = hasConstant ? parseNumber(constant) : undefined
    if (count === undefined || top.percent || top.withTies) throw new Declined()
    return Number(count)
  }

  #from(item: FromItem, scope: DirectScope, sources: DirectSource[], stages: Stage[]): void {
    if (item.kind === 'join') {
      const outer = item.type === 'left'
      if ((!outer && item.type !== 'inner' && item.type !== 'cross') || item.right.kind === 'join') throw new Declined()
      this.#from(item.left, scope, sources, stages)
      this.#from(item.right, scope, sources, stages)
      const last = stages.pop()
      if (last === undefined) throw new Declined()
      stages.push({ ...last, outer, on: conjuncts(item.on).map((e) => testOf(e, scope)) })
      return
    }
    if (item.kind !== 'table' || findTable(this.#state, item.name) !== undefined) throw new Declined()
    const view = viewOf(this.#state, splitName(item.name))
    if (view === undefined) throw new Declined()
    const slot = this.#slots++
    const alias = item.alias ?? item.name.at(-1) ?? ''
    const schema = item.alias === undefined ? splitName(item.name).schema : undefined
    sources.push({ alias, schema, slot, fields: view.fields })
    const name = fold(item.name.join('.'))
    const rows = (): readonly Row[] => {
      const known = this.#rows.get(name) ?? view.rows()
      this.#rows.set(name, known)
      return known
    }
    stages.push({ slot, outer: false, rows, on: [], where: [] })
  }
}

interface Item {
  readonly name: string | undefined
  readonly value: Value
}

function itemsOf({ expression: e, alias }: SelectItem, scope: DirectScope): Item[] {
  if (e.kind !== 'star')
    return [{ name: alias ?? (e.kind === 'column' ? e.parts.at(-1) : undefined), value: valueOf(e, scope) }]
  const qualifier = e.qualifier.at(-1)
  return scope.sources
    .filter((source) => qualifier === undefined || fold(source.alias) === fold(qualifier))
    .flatMap((source) => source.fields.map((f) => ({ name: f.field, value: fieldOf(source, f) })))
}

/** A name alone means a column of the select list before one of a source. */
function orderOf(
  { expression: e }: OrderItem,
  items: readonly Item[],
  scope: DirectScope,
): { key: ReturnType<typeof sortKey> } {
  if (e.kind !== 'column') throw new Declined()
  const name = fold(e.parts[0] ?? '')
  const listed =
    e.parts.length > 1 ? undefined : items.find((item) => item.name !== undefined && fold(item.name) === name)
  return { key: sortKey(listed?.value ?? valueOf(e, scope)) }
}

/** NULL comes first, and last in a descending order. */
function compareKeys(
  left: readonly (Key | null)[],
  right: readonly (Key | null)[],
  items: readonly OrderItem[],
): number {
  for (const [i, { descending }] of items.entries()) {
    const a = left[i] ?? null
    const b = right[i] ?? null
    const n = a === null || b === null ? Number(b === null) - Number(a === null) : order(a, b)
    if (n !== 0) return descending ? -n : n
  }
  return 0
}

/** One row of aggregates over all rows. */
function aggregated(
  items: readonly SelectItem[],
  scope: DirectScope,
  each: (at: Rows, found: () => void) => void,
): Planned {
  const columns = items.map(({ expression: e }) => {
    if (e.kind !== 'call' || e.distinct || e.over !== undefined || e.withinGroup !== undefined) throw new Declined()
    const [argument] = e.arguments
    const value = e.star || argument === undefined ? undefined : valueOf(argument, scope)
    switch (e.name.toUpperCase()) {
      case 'COUNT':
        return { type: { name: 'int' } as const, value, sum: false }
      case 'COUNT_BIG':
        return { type: { name: 'bigint' } as const, value, sum: false }
      case 'SUM':
        if (value === undefined || kindOf(value.type) !== 'number') throw new Declined()
        return { type: { name: value.type.name === 'bigint' ? 'bigint' : 'int' } as const, value, sum: true }
      default:
        throw new Declined()
    }
  })
  return {
    types: columns.map(({ type }) => type),
    rows: (at) => {
      const totals = columns.map(({ sum }): bigint | null => (sum ? null : 0n))
      each(at, () => {
        for (const [i, { value, sum }] of columns.entries()) {
          const read = value === undefined ? 1 : value.read(at)
          if (read === null) continue
          if (typeof read !== 'number' && typeof read !== 'bigint') {
            if (sum) throw new Declined()
            totals[i] = (totals[i] ?? 0n) + 1n
          } else totals[i] = (totals[i] ?? 0n) + (sum ? BigInt(read) : 1n)
        }
      })
      return [columns.map(({ type }, i) => integerAs(totals[i] ?? null, type))]
    },
  }
}
