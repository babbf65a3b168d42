import type { Value } from '../value/value.ts'

export type ComparisonOperator = 'lt' | 'lteq' | 'gt' | 'gteq' | 'eq' | 'noteq'
export type SetOperator = 'in' | 'notin'
export type UnaryOperator = 'is-null' | 'not-null' | 'is-nan' | 'not-nan'
export type PrefixOperator = 'starts-with' | 'not-starts-with'

/**
 * A constant to compare with, in the form of {@link Value} or in one that is converted to it by the column's type:
 * a `number` or `bigint` for any numeric type that holds it exactly (for `decimal` a bigint is the unscaled value), a
 * `string` as decimal text (`'12.50'`) or as ISO date, time or timestamp.
 */
export type Literal = Value

/**
 * A filter over rows. `column` is a name, or a dotted path into structs.
 *
 * Comparisons are false for null. `noteq`, `notin` and `not-starts-with` are true for null, as Iceberg has it.
 */
export type Expression =
  | { readonly op: 'true' }
  | { readonly op: 'false' }
  | { readonly op: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'not'; readonly child: Expression }
  | { readonly op: ComparisonOperator; readonly column: string; readonly value: Literal }
  | { readonly op: SetOperator; readonly column: string; readonly values: readonly Literal[] }
  | { readonly op: UnaryOperator; readonly column: string }
  | { readonly op: PrefixOperator; readonly column: string; readonly value: string }

export const alwaysTrue: Expression = { op: 'true' }
export const alwaysFalse: Expression = { op: 'false' }

/** True when every operand is; `and()` is true. */
export function and(...operands: readonly Expression[]): Expression {
  return operands.reduce((left, right) => ({ op: 'and', left, right }), alwaysTrue)
}

/** True when any operand is; `or()` is false. */
export function or(...operands: readonly Expression[]): Expression {
  return operands.reduce((left, right) => ({ op: 'or', left, right }), alwaysFalse)
}

export function not(child: Expression): Expression {
  return { op: 'not', child }
}

export function lt(column: string, value: Literal): Expression {
  return { op: 'lt', column, value }
}

export function lteq(column: string, value: Literal): Expression {
  return { op: 'lteq', column, value }
}

export function gt(column: string, value: Literal): Expression {
  return { op: 'gt', column, value }
}

export function gteq(column: string, value: Literal): Expression {
  return { op: 'gteq', column, value }
}

export function eq(column: string, value: Literal): Expression {
  return { op: 'eq', column, value }
}

export function noteq(column: string, value: Literal): Expression {
  return { op: 'noteq', column, value }
}

export function isIn(column: string, values: readonly Literal[]): Expression {
  return { op: 'in', column, values }
}

export function notIn(column: string, values: readonly Literal[]): Expression {
  return { op: 'notin', column, values }
}

export function isNull(column: string): Expression {
  return { op: 'is-null', column }
}

export function notNull(column: string): Expression {
  return { op: 'not-null', column }
}

export function isNaN(column: string): Expression {
  return { op: 'is-nan', column }
}

export function notNaN(column: string): Expression {
  return { op: 'not-nan', column }
}

export function startsWith(column: string, value: string): Expression {
  return { op: 'starts-with', column, value }
}

export function notStartsWith(column: string, value: string): Expression {
  return { op: 'not-starts-with', column, value }
}
