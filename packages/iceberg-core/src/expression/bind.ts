import { IcebergError } from '../errors.ts'
import { findFieldByName, indexById, type Schema } from '../schema/schema.ts'
import { formatType } from '../schema/type-json.ts'
import { isPrimitive, type PrimitiveType } from '../schema/type.ts'
import type {
  ComparisonOperator,
  Expression,
  Literal,
  PrefixOperator,
  SetOperator,
  UnaryOperator,
} from './expression.ts'
import { bindLiteral } from './literal.ts'
import { both, either, falsehood, type Predicate, truth } from './predicate.ts'

/** A column of a schema that a filter tests. */
export interface ColumnTerm {
  readonly type: PrimitiveType
  readonly fieldId: number
  /** Dotted path from the row, as the schema has it. */
  readonly path: string
}

/** A filter with its columns found and its literals converted; `not` is pushed into the tests. */
export type BoundExpression = Predicate<ColumnTerm>

/**
 * Ties a filter to a schema.
 *
 * `not` turns a test into its opposite (`lt` into `gteq`), so that null fails both `x < 1` and `not (x < 1)`.
 *
 * @throws IcebergError `no-such-column`, or `invalid-argument` for a literal or a test that the column does not take.
 */
export function bindExpression(expression: Expression, schema: Pick<Schema, 'fields'>): BoundExpression {
  return bind(expression, schema, false)
}

const opposite = {
  lt: 'gteq',
  lteq: 'gt',
  gt: 'lteq',
  gteq: 'lt',
  eq: 'noteq',
  noteq: 'eq',
  in: 'notin',
  notin: 'in',
  'is-null': 'not-null',
  'not-null': 'is-null',
  'is-nan': 'not-nan',
  'not-nan': 'is-nan',
  'starts-with': 'not-starts-with',
  'not-starts-with': 'starts-with',
} as const

function bind(expression: Expression, schema: Pick<Schema, 'fields'>, negated: boolean): BoundExpression {
  switch (expression.op) {
    case 'true':
      return negated ? falsehood : truth
    case 'false':
      return negated ? truth : falsehood
    case 'not':
      return bind(expression.child, schema, !negated)
    case 'and':
    case 'or': {
      const left = bind(expression.left, schema, negated)
      const right = bind(expression.right, schema, negated)
      return (expression.op === 'and') === negated ? either(left, right) : both(left, right)
    }
    case 'lt':
    case 'lteq':
    case 'gt':
    case 'gteq':
    case 'eq':
    case 'noteq':
      return comparison(
        negated ? opposite[expression.op] : expression.op,
        findTerm(schema, expression.column),
        expression.value,
      )
    case 'in':
    case 'notin':
      return membership(
        negated ? opposite[expression.op] : expression.op,
        findTerm(schema, expression.column),
        expression.values,
      )
    case 'is-null':
    case 'not-null':
    case 'is-nan':
    case 'not-nan':
      return unary(negated ? opposite[expression.op] : expression.op, findTerm(schema, expression.column))
    case 'starts-with':
    case 'not-starts-with':
      return prefix(
        negated ? opposite[expression.op] : expression.op,
        findTerm(schema, expression.column),
        expression.value,
      )
  }
}

function comparison(op: ComparisonOperator, term: ColumnTerm, literal: Literal): BoundExpression {
  const bound = bindLiteral(term.type, literal, term.path)
  if (typeof bound === 'object') return { op, term, value: bound.value }
  // No value of the type is as large, or as small, as the literal.
  if (op === 'eq') return falsehood
  if (op === 'noteq') return truth
  const below = op === 'lt' || op === 'lteq'
  return below === (bound === 'above') ? { op: 'not-null', term } : falsehood
}

function membership(op: SetOperator, term: ColumnTerm, literals: readonly Literal[]): BoundExpression {
  const values = literals.flatMap((literal) => {
    const bound = bindLiteral(term.type, literal, term.path)
    return typeof bound === 'object' ? [bound.value] : []
  })
  if (values.length === 0) return op === 'in' ? falsehood : truth
  return { op, term, values }
}

function unary(op: UnaryOperator, term: ColumnTerm): BoundExpression {
  const floating = term.type === 'float' || term.type === 'double'
  if (!floating && op === 'is-nan') return falsehood
  if (!floating && op === 'not-nan') return truth
  return { op, term }
}

function prefix(op: PrefixOperator, term: ColumnTerm, value: string): BoundExpression {
  if (term.type === 'string') return { op, term, value }
  throw new IcebergError('invalid-argument', `column ${term.path} is of type ${formatType(term.type)}, not a string`, {
    context: { column: term.path },
  })
}

function findTerm(schema: Pick<Schema, 'fields'>, column: string): ColumnTerm {
  const field = findFieldByName(schema, column)
  if (field === undefined) {
    throw new IcebergError('no-such-column', `the filter names column ${column}, which the schema does not have`, {
      context: { column },
      hint: `Columns are: ${schema.fields.map((candidate) => candidate.name).join(', ')}`,
    })
  }
  const located = indexById(schema).get(field.id)
  if (!isPrimitive(field.type) || located === undefined || located.repeated) {
    throw new IcebergError(
      'invalid-argument',
      `column ${column} of type ${formatType(field.type)} cannot be filtered`,
      {
        context: { column, type: formatType(field.type) },
      },
    )
  }
  return { type: field.type, fieldId: field.id, path: located.path }
}
