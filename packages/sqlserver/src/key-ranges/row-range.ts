import { quoteName } from '../quoting.ts'
import { formatSqlType, typeLength, type SqlType } from '../sql-type.ts'
import type { SqlParameter } from '../sql.ts'
import type { KeyBoundary } from './key-boundary.ts'
import type { RangeColumn, RangeKey } from './range-key.ts'

/** A condition on rows, for a WHERE clause. */
export interface RowRange {
  /** For a table alias that is already quoted. */
  predicate(quotedAlias: string): string
  readonly parameters: readonly SqlParameter[]
}

/** The ends of a range of keys; an end that is absent is open. */
export interface RangeEnds {
  /** Exclusive. */
  readonly after?: KeyBoundary | undefined
  /** Inclusive. */
  readonly upTo?: KeyBoundary | undefined
}

/**
 * The rows whose keys lie after one boundary and up to another, in the key's own order. Undefined when both ends are open.
 *
 * The server compares, each column under its own collation and type; ranges that share a boundary share the condition, so they are
 * disjoint and leave nothing out whatever the boundary's value. T-SQL compares no rows of values, so a composite key is spelt out:
 * `a >= @a AND (a > @a OR (a = @a AND b > @b))`, where the first part lets the server seek.
 * @see https://learn.microsoft.com/sql/t-sql/language-elements/comparison-operators-transact-sql
 */
export function rowRange(key: RangeKey, ends: RangeEnds): RowRange | undefined {
  const bounds = [
    ...(ends.after === undefined ? [] : [bound(key, ends.after, 'after')]),
    ...(ends.upTo === undefined ? [] : [bound(key, ends.upTo, 'upTo')]),
  ]
  if (bounds.length === 0) return undefined
  return {
    predicate: (alias) => bounds.map((each) => each.predicate(alias)).join(' AND '),
    parameters: bounds.flatMap((each) => each.parameters),
  }
}

function bound(key: RangeKey, boundary: KeyBoundary, end: 'after' | 'upTo'): RowRange {
  const columns = key.columns.map((each, index) => {
    const name = `${end}${index}`
    return { ...each, name, expression: parameterExpression(each, name), value: boundary.values[index] ?? null }
  })
  return {
    predicate: (alias) => {
      const tests = columns.map(({ column, descending, expression }) => {
        const left = `${alias}.${quoteName(column.name)}`
        const beyond = (end === 'after') === descending ? '<' : '>'
        return {
          beyond: `${left} ${beyond} ${expression}`,
          same: `${left} = ${expression}`,
          or: `${left} ${beyond}= ${expression}`,
        }
      })
      const [first] = tests
      if (first === undefined) throw new RangeError(`key ${key.name} has no columns`)
      if (tests.length === 1) return end === 'after' ? first.beyond : first.or
      const ways = tests.map(({ beyond, or }, index) => {
        const last = index === tests.length - 1 && end === 'upTo'
        const parts = [...tests.slice(0, index).map(({ same }) => same), last ? or : beyond]
        return parts.length === 1 ? parts.join('') : `(${parts.join(' AND ')})`
      })
      return `${first.or} AND (${ways.join(' OR ')})`
    },
    parameters: columns.map(({ column, name, value }) => ({ name, type: parameterType(column.type), value })),
  }
}

/**
 * The parameter as the column's own type. Text of a code page travels as Unicode and is given the column's code page by its
 * collation: a varchar parameter would be in the database's.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
 */
function parameterExpression({ column }: RangeColumn, name: string): string {
  const { type, collation } = column
  if ((type.name !== 'char' && type.name !== 'varchar') || collation === undefined) return `@${name}`
  return `CONVERT(${formatSqlType(type)}, @${name} COLLATE ${collationName(collation)})`
}

function parameterType(type: SqlType): SqlType {
  if (type.name === 'char' || type.name === 'varchar')
    return { name: 'nvarchar', length: Math.min(typeLength(type), 4000) }
  return type.name === 'rowversion' ? { name: 'binary', length: 8 } : type
}

/** A collation is named without delimiters. @see https://learn.microsoft.com/sql/t-sql/statements/collations */
function collationName(collation: string): string {
  if (/^\w{1,128}$/.test(collation)) return collation
  throw new RangeError(`${JSON.stringify(collation)} is not a collation`)
}
