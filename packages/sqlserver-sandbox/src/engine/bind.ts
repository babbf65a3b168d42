import { codePageOf } from '../code-pages.ts'
import type { SqlType, SqlValue } from '../session.ts'
import type { Expression, OrderItem, Query, TypeName } from '../tsql/ast.ts'
import { bindAggregate, isAggregate } from './aggregates.ts'
import { arithmetic } from './arithmetic.ts'
import { type Bound, bound, collationOf, keySql, orderSql } from './bound.ts'
import { fold } from './catalog.ts'
import { commonType, compare, nullValue } from './compare.ts'
import { convert, implicitly } from './convert.ts'
import { notImplemented, sqlError } from './errors.ts'
import { bindFunction } from './functions.ts'
import { familyOf, formatType, isNarrow, unifyTypes } from './types.ts'
import { likeToRegex } from './like.ts'
import { literalSql, textOf } from './values.ts'

export interface Source {
  readonly alias: string
  /** Schema of a base table named without an alias, for `dbo.t.c`. */
  readonly schema: string | undefined
  readonly columns: readonly Bound[]
}

export interface Scope {
  readonly sources: readonly Source[]
  readonly parent: Scope | undefined
  /** The SQL of grouping expressions whose rows share one representative. */
  readonly groups?: ReadonlyMap<string, string>
}

/** What binding needs from a session: variables, types and the things functions tell. */
export interface BindContext {
  variable(name: string): { type: SqlType; value: SqlValue } | undefined
  resolveType(name: TypeName, place: 'column' | 'cast'): SqlType
  systemVariable(name: string): Bound
  /** A scalar that only the session knows: DB_NAME, OBJECT_ID, ERROR_NUMBER...; undefined when it is none of them. */
  systemFunction(name: string, args: readonly Bound[]): Bound | undefined
  bindQuery(query: Query, parent: Scope | undefined): { sql: string; columns: readonly Bound[] }
  databaseCollation(): string
}

/** Window functions that mean nothing without an order. */
const ordered = new Set(['ROW_NUMBER', 'RANK', 'DENSE_RANK', 'NTILE', 'LAG', 'LEAD', 'FIRST_VALUE', 'LAST_VALUE'])

/** Turns parsed expressions into DuckDB SQL under one scope. */
export class Binder {
  readonly context: BindContext
  readonly scope: Scope
  #inAggregate = false

  constructor(context: BindContext, scope: Scope) {
    this.context = context
    this.scope = scope
  }

  value(e: Expression): Bound {
    const result = this.#value(e)
    const representative = this.#inAggregate ? undefined : this.scope.groups?.get(result.sql)
    return representative === undefined ? result : { ...result, sql: representative }
  }

  #value(e: Expression): Bound {
    switch (e.kind) {
      case 'literal':
        return bound(literalSql(e.value, e.type), e.type, { nullable: false, constant: e.value, hasConstant: true })
      case 'null':
        return bound('NULL', { name: 'int' }, { isNull: true, constant: null, hasConstant: true })
      case 'default':
        throw sqlError(156, "Incorrect syntax near the keyword 'DEFAULT'.")
      case 'variable': {
        if (e.name.startsWith('@@')) return this.context.systemVariable(e.name)
        const variable = this.context.variable(e.name)
        if (variable === undefined) throw sqlError(137, `Must declare the scalar variable "${e.name}".`)
        return bound(literalSql(variable.value, variable.type), variable.type, {
          constant: variable.value,
          hasConstant: true,
          nullable: true,
        })
      }
      case 'column':
        return this.#column(e.parts)
      case 'star':
        throw sqlError(102, "Incorrect syntax near '*'.")
      case 'unary': {
        const operand = this.value(e.operand)
        if (e.operator === '+') return operand
        if (familyOf(operand.type) !== 'number')
          throw sqlError(8117, `Operand data type ${operand.type.name} is invalid for minus operator.`)
        return { ...operand, sql: `(${e.operator}${operand.sql})`, hasConstant: false, name: undefined }
      }
      case 'binary':
        return arithmetic(e.operator, this.value(e.left), this.value(e.right))
      case 'case':
        return this.#case(e)
      case 'cast': {
        const type = this.context.resolveType(e.type, 'cast')
        const operand = this.value(e.operand)
        const style = e.style === undefined ? undefined : this.value(e.style)
        const result = convert(operand, type, {
          attempt: e.attempt,
          truncate: true,
          style: style === undefined ? undefined : Number(style.constant),
        })
        const kind = operand.type.name
        const floating = kind === 'float' || kind === 'real'
        const bytes =
          type.name === 'varbinary' && type.length === -1 && familyOf(operand.type) !== 'binary' && style === undefined
        const wide =
          kind === 'text' || kind === 'ntext' || kind.includes('char') ? `encode(${operand.sql})` : operand.sql
        return {
          ...result,
          name: undefined,
          identity: false,
          collation: familyOf(operand.type) === 'string' ? operand.collation : undefined,
          byteKey: bytes
            ? {
                kind: isNarrow(operand.type)
                  ? `${kind} in ${codePageOf(operand.collation)}`
                  : 'scale' in operand.type
                    ? formatType(operand.type)
                    : kind,
                sql: floating ? `CAST(${operand.sql} AS VARCHAR)` : wide,
              }
            : undefined,
        }
      }
      case 'call':
        return this.#call(e)
      case 'subquery': {
        const query = this.context.bindQuery(e.query, this.scope)
        const [column, second] = query.columns
        if (column === undefined || second !== undefined) {
          throw sqlError(
            116,
            'Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.',
          )
        }
        return {
          ...column,
          sql: `(${query.sql})`,
          nullable: true,
          hasConstant: false,
          name: undefined,
          identity: false,
        }
      }
      case 'collate': {
        const operand = this.value(e.operand)
        if (familyOf(operand.type) !== 'string')
          throw sqlError(447, `Expression type ${operand.type.name} is invalid for COLLATE clause.`)
        const into = checkCollation(e.collation, this.context)
        // Text in a code page is brought to the one of the new collation.
        const moved = isNarrow(operand.type) ? convert(operand, operand.type, { into }) : operand
        return { ...moved, collation: into, explicitCollation: true }
      }
      default:
        throw sqlError(102, 'Incorrect syntax: a search condition stands where a value is expected.')
    }
  }

  #column(parts: readonly string[]): Bound {
    const name = parts.at(-1) ?? ''
    const qualifier = parts.length > 1 ? parts[parts.length - 2] : undefined
    const schema = parts.length > 2 ? parts[parts.length - 3] : undefined
    for (let scope: Scope | undefined = this.scope; scope !== undefined; scope = scope.parent) {
      const found: Bound[] = []
      for (const source of scope.sources) {
        if (qualifier !== undefined && fold(source.alias) !== fold(qualifier)) continue
        if (schema !== undefined && source.schema !== undefined && fold(source.schema) !== fold(schema)) continue
        found.push(...source.columns.filter((c) => c.name !== undefined && fold(c.name) === fold(name)))
      }
      if (found.length > 1) throw sqlError(209, `Ambiguous column name '${name}'.`)
      if (found[0] !== undefined) return found[0]
    }
    if (qualifier !== undefined && !this.#knows(qualifier)) {
      throw sqlError(4104, `The multi-part identifier "${parts.join('.')}" could not be bound.`)
    }
    throw sqlError(207, `Invalid column name '${name}'.`)
  }

  #knows(alias: string): boolean {
    for (let scope: Scope | undefined = this.scope; scope !== undefined; scope = scope.parent) {
      if (scope.sources.some((s) => fold(s.alias) === fold(alias))) return true
    }
    return false
  }

  #case(e: Extract<Expression, { kind: 'case' }>): Bound {
    const values = [
      ...e.whens.map((w) => this.value(w.result)),
      ...(e.otherwise === undefined ? [] : [this.value(e.otherwise)]),
    ]
    if (values.every((v) => v.isNull))
      throw sqlError(
        8133,
        'At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.',
      )
    const type = commonType(values)
    const parts = e.whens.map((w, i) => {
      const condition =
        e.operand === undefined
          ? this.predicate(w.when)
          : this.predicate({ kind: 'compare', operator: '=', left: e.operand, right: w.when })
      return `WHEN ${condition} THEN ${implicitly(values[i] ?? nullValue, type).sql}`
    })
    const last = e.otherwise === undefined ? nullValue : (values.at(-1) ?? nullValue)
    const sql = `CASE ${parts.join(' ')} ELSE ${implicitly(last, type).sql} END`
    return bound(`(${sql})`, type, {
      nullable: e.otherwise === undefined || values.some((v) => v.nullable),
      collation: values.find((v) => v.collation !== undefined)?.collation,
    })
  }

  #call(e: Extract<Expression, { kind: 'call' }>): Bound {
    const name = e.name.toUpperCase()
    if (name === 'IIF') {
      const [condition, yes, no] = e.arguments
      if (condition === undefined || yes === undefined || no === undefined)
        throw sqlError(174, 'The iif function requires 3 argument(s).')
      return this.#value({ kind: 'case', operand: undefined, whens: [{ when: condition, result: yes }], otherwise: no })
    }
    if (isAggregate(name) || e.over !== undefined) {
      if (e.over !== undefined && e.over.orderBy.length === 0 && ordered.has(name))
        throw sqlError(4112, `The function '${e.name}' must have an OVER clause with ORDER BY.`)
      const outer = this.#inAggregate
      this.#inAggregate = e.over === undefined
      const args = e.arguments.map((a) => this.value(a))
      const order = e.withinGroup?.map((o) => this.order(o)).join(', ')
      this.#inAggregate = outer
      return bindAggregate(name, args, {
        distinct: e.distinct,
        star: e.star,
        order,
        over: e.over === undefined ? undefined : this.#over(e.over),
      })
    }
    const args = e.arguments.map((a) => this.value(a))
    const system = this.context.systemFunction(name, args)
    if (system !== undefined) return system
    const result = bindFunction(name, args)
    if (result === undefined) {
      if (e.schema !== undefined)
        throw sqlError(
          4121,
          `Cannot find either column "${e.schema}" or the user-defined function or aggregate "${e.schema}.${e.name}", or the name is ambiguous.`,
        )
      throw sqlError(195, `'${e.name}' is not a recognized built-in function name.`, { severity: 15 })
    }
    return result
  }

  #over(over: NonNullable<Extract<Expression, { kind: 'call' }>['over']>): string {
    const partition = over.partitionBy.map((p) => keySql(this.value(p)))
    const order = over.orderBy.map((o) => this.order(o))
    return [
      partition.length > 0 ? `PARTITION BY ${partition.join(', ')}` : '',
      order.length > 0 ? `ORDER BY ${order.join(', ')}` : '',
      over.frame ?? '',
    ].join(' ')
  }

  order(item: OrderItem): string {
    // ORDER BY (SELECT NULL) in a window means: no order.
    if (item.expression.kind === 'subquery' || item.expression.kind === 'null') return 'NULL'
    return orderSql(this.value(item.expression), item.descending)
  }

  /** A search condition. */
  predicate(e: Expression): string {
    switch (e.kind) {
      case 'and':
      case 'or':
        return `(${this.predicate(e.left)} ${e.kind.toUpperCase()} ${this.predicate(e.right)})`
      case 'not':
        return `(NOT ${this.predicate(e.operand)})`
      case 'compare':
        return compare(e.operator, this.value(e.left), this.value(e.right))
      case 'isNull':
        return `(${this.value(e.operand).sql} IS ${e.negated ? 'NOT ' : ''}NULL)`
      case 'between': {
        const operand = this.value(e.operand)
        const test = `(${compare('>=', operand, this.value(e.low))} AND ${compare('<=', operand, this.value(e.high))})`
        return e.negated ? `(NOT ${test})` : test
      }
      case 'like':
        return this.#like(e)
      case 'in':
        return this.#in(e)
      case 'exists':
        return this.#exists(e.query)
      default:
        throw sqlError(4145, `An expression of non-boolean type specified in a context where a condition is expected.`)
    }
  }

  #in(e: Extract<Expression, { kind: 'in' }>): string {
    const operand = this.value(e.operand)
    if (!('kind' in e.list)) {
      const tests = e.list.map((item) => compare('=', operand, this.value(item)))
      return `(${e.negated ? 'NOT ' : ''}(${tests.join(' OR ')}))`
    }
    const query = this.context.bindQuery(e.list, this.scope)
    const [column, second] = query.columns
    if (column === undefined || second !== undefined) {
      throw sqlError(
        116,
        'Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.',
      )
    }
    const inner: Bound = { ...column, sql: 'q.v' }
    const type = unifyTypes(operand.type, column.type)
    const collation = collationOf(operand, column)
    const left = keySql({ ...implicitly(operand, type), ...collation })
    const right = keySql({ ...implicitly(inner, type), ...collation })
    return `(${left} ${e.negated ? 'NOT ' : ''}IN (SELECT ${right} FROM (${query.sql}) AS q(v)))`
  }

  #exists(query: Query): string {
    const { body } = query
    if (
      body.kind === 'set' &&
      body.left.kind === 'select' &&
      body.right.kind === 'select' &&
      body.left.from === undefined &&
      body.right.from === undefined
    ) {
      const left = body.left.items.map((i) => this.value(i.expression))
      const right = body.right.items.map((i) => this.value(i.expression))
      if (left.length === right.length && body.operator !== 'union' && body.operator !== 'unionAll') {
        const same = left.map((l, i) => compare('same', l, right[i] ?? nullValue)).join(' AND ')
        return body.operator === 'except' ? `(NOT (${same}))` : `(${same})`
      }
    }
    return `EXISTS (${this.context.bindQuery(query, this.scope).sql})`
  }

  #like(e: Extract<Expression, { kind: 'like' }>): string {
    const text: SqlType = { name: 'nvarchar', length: -1 }
    const operand = this.value(e.operand)
    const pattern = this.value(e.pattern)
    const escape = e.escape === undefined ? undefined : textOf(this.value(e.escape).constant)
    if (!pattern.hasConstant) throw notImplemented('LIKE with a pattern that is not a constant or variable')
    if (pattern.constant === null || pattern.constant === undefined) return '(CAST(NULL AS BOOLEAN))'
    const collation = collationOf(operand, pattern)
    const left = convert(operand, text).sql
    const options = keySql({ ...operand, sql: 'x', type: text, ...collation, byteKey: undefined }).startsWith('lower')
      ? 'si'
      : 's'
    const regex = literalSql(likeToRegex(textOf(pattern.constant), escape), text)
    const test = `regexp_full_match(${left}, ${regex}, '${options}')`
    return e.negated ? `(NOT ${test})` : `(${test})`
  }
}

export function checkCollation(name: string, context: BindContext): string {
  if (/^database_default$|^catalog_default$/i.test(name)) return context.databaseCollation()
  if (!/^(SQL_)?[A-Za-z0-9]+(_[A-Za-z0-9]+)*_(CI|CS|BIN2?)(_\w+)?$/i.test(name))
    throw sqlError(448, `Invalid collation '${name}'.`)
  return name
}
