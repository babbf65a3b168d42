import type { SqlType, SqlValue } from '../session.ts'
import type { Expression, Query } from '../tsql/ast.ts'
import { Binder } from './bind.ts'
import type { QueryContext } from './bind-query.ts'
import { fold } from './catalog.ts'
import { Declined, integerAs, type Key, keyOf, kindOf, order, textAs } from './direct-values.ts'
import type { Row } from './system-objects.ts'

/** The rows that stand for the sources at one moment, by slot; undefined where an outer join found none. */
export type Rows = (Row | undefined)[]

/** A view of a FROM clause. */
export interface DirectSource {
  readonly alias: string
  /** Of a view named without an alias. */
  readonly schema: string | undefined
  readonly slot: number
  readonly fields: readonly { readonly field: string; readonly type: SqlType }[]
}

export interface DirectScope {
  readonly context: QueryContext
  readonly sources: readonly DirectSource[]
  readonly parent: DirectScope | undefined
  /** A query inside this scope: its select list, and its rows at one moment. */
  readonly query: (
    query: Query,
    scope: DirectScope,
  ) => { readonly types: readonly SqlType[]; rows(at: Rows): SqlValue[][] }
}

/** A value as a function of the rows. */
export interface Value {
  readonly type: SqlType
  /** The slot and field of a column that stands alone. */
  readonly column?: { readonly slot: number; readonly field: string }
  /** The sources that it reads; undefined when that is not known, as of a subquery. */
  readonly slots: ReadonlySet<number> | undefined
  readonly read: (at: Rows) => SqlValue
}

/** A search condition: null is unknown. */
export interface Test {
  readonly slots: ReadonlySet<number> | undefined
  /** Of an equality: its sides. */
  readonly equal?: readonly [Value, Value]
  readonly holds: (at: Rows) => boolean | null
}

const none: ReadonlySet<number> = new Set()

/** @throws {Declined} for what is left to DuckDB. The binder has seen the expression and found it right. */
export function valueOf(e: Expression, scope: DirectScope): Value {
  switch (e.kind) {
    case 'column':
      return columnOf(e.parts, scope)
    case 'cast': {
      if (e.attempt || e.style !== undefined) throw new Declined()
      const operand = valueOf(e.operand, scope)
      const type = scope.context.resolveType(e.type, 'cast')
      const from = kindOf(operand.type)
      const to = kindOf(type)
      if (to === 'number' && from === 'number')
        return { type, slots: operand.slots, read: (at) => integerAs(operand.read(at), type) }
      if (to === 'text' && (from === 'number' || from === 'text'))
        return { type, slots: operand.slots, read: (at) => textAs(operand.read(at), type) }
      throw new Declined()
    }
    case 'subquery': {
      const query = scope.query(e.query, scope)
      const [type] = query.types
      if (type === undefined) throw new Declined()
      return {
        type,
        slots: undefined,
        read: (at) => {
          const [row, second] = query.rows(at)
          if (second !== undefined) throw new Declined()
          return row?.[0] ?? null
        },
      }
    }
    case 'literal':
    case 'null':
    case 'variable':
    case 'call':
      return constantOf(e, scope)
    default:
      throw new Declined()
  }
}

function constantOf(e: Expression, scope: DirectScope): Value {
  if (!isFree(e)) throw new Declined()
  const { type, hasConstant, constant } = new Binder(scope.context, { sources: [], parent: undefined }).value(e)
  if (!hasConstant || constant === undefined) throw new Declined()
  return { type, slots: none, read: () => constant }
}

/** Whether an expression is of constants alone, so that it may be bound without sources. */
function isFree(e: Expression): boolean {
  if (e.kind === 'call') return e.over === undefined && !e.star && e.arguments.every(isFree)
  return e.kind === 'literal' || e.kind === 'null' || e.kind === 'variable'
}

function columnOf(parts: readonly string[], scope: DirectScope): Value {
  const [name = '', qualifier, schema] = parts.toReversed().map(fold)
  for (let at: DirectScope | undefined = scope; at !== undefined; at = at.parent) {
    for (const source of at.sources) {
      if (qualifier !== undefined && fold(source.alias) !== qualifier) continue
      if (schema !== undefined && source.schema !== undefined && fold(source.schema) !== schema) continue
      const found = source.fields.find(({ field }) => fold(field) === name)
      if (found !== undefined) return fieldOf(source, found)
    }
  }
  throw new Declined()
}

/** A column of a view. */
export function fieldOf({ slot }: DirectSource, { field, type }: DirectSource['fields'][number]): Value {
  const column = { slot, field }
  const slots = new Set([slot])
  if (type.name === 'bigint') return { type, column, slots, read: (at) => integerAs(at[slot]?.[field] ?? null, type) }
  return { type, column, slots, read: (at) => at[slot]?.[field] ?? null }
}

/** @throws {Declined} as {@link valueOf}. */
export function testOf(e: Expression, scope: DirectScope): Test {
  switch (e.kind) {
    case 'and':
    case 'or': {
      const left = testOf(e.left, scope)
      const right = testOf(e.right, scope)
      const decides = e.kind === 'or'
      return {
        slots: union(left.slots, right.slots),
        holds: (at) => {
          const first = left.holds(at)
          if (first === decides) return decides
          const second = right.holds(at)
          return second === decides ? decides : first === null || second === null ? null : !decides
        },
      }
    }
    case 'not': {
      const { slots, holds } = testOf(e.operand, scope)
      return { slots, holds: (at) => negated(holds(at)) }
    }
    case 'isNull': {
      const operand = valueOf(e.operand, scope)
      return { slots: operand.slots, holds: (at) => (operand.read(at) === null) !== e.negated }
    }
    case 'compare':
      return comparison(e.operator, valueOf(e.left, scope), valueOf(e.right, scope))
    case 'in': {
      if ('kind' in e.list) throw new Declined()
      const operand = valueOf(e.operand, scope)
      const tests = e.list.map((item) => comparison('=', operand, valueOf(item, scope)))
      return {
        slots: tests.reduce<Test['slots']>((slots, test) => union(slots, test.slots), operand.slots),
        holds: (at) => {
          const results = tests.map((test) => test.holds(at))
          const found = results.includes(true) ? true : results.includes(null) ? null : false
          return e.negated ? negated(found) : found
        },
      }
    }
    case 'exists': {
      const query = scope.query(e.query, scope)
      return { slots: undefined, holds: (at) => query.rows(at).length > 0 }
    }
    default:
      throw new Declined()
  }
}

const operators: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (n) => n === 0,
  '<>': (n) => n !== 0,
  '<': (n) => n < 0,
  '>': (n) => n > 0,
  '<=': (n) => n <= 0,
  '>=': (n) => n >= 0,
}

function comparison(operator: string, left: Value, right: Value): Test {
  const decide = operators[operator]
  const kind = kindOf(left.type)
  if (decide === undefined || kind === 'other' || kindOf(right.type) !== kind) throw new Declined()
  return {
    slots: union(left.slots, right.slots),
    ...(operator === '=' ? { equal: [left, right] as const } : {}),
    holds: (at) => {
      const a = keyOf(left.read(at))
      const b = keyOf(right.read(at))
      return a === null || b === null ? null : decide(order(a, b))
    },
  }
}

/** The key that a value is sorted by. */
export function sortKey({ type, read }: Value): (at: Rows) => Key | null {
  if (kindOf(type) === 'other') throw new Declined()
  return (at) => keyOf(read(at))
}

function negated(value: boolean | null): boolean | null {
  return value === null ? null : !value
}

function union(left: Test['slots'], right: Test['slots']): Test['slots'] {
  return left === undefined || right === undefined ? undefined : new Set([...left, ...right])
}
