import type { SqlType } from '../session.ts'
import { arg, asBig, bigint, int, text } from './arguments.ts'
import { type Bound, bound, keySql } from './bound.ts'
import { implicitly } from './convert.ts'
import { notImplemented, sqlError } from './errors.ts'
import { asDecimal, duckType, familyOf, isInteger } from './types.ts'

const aggregates = new Set([
  'COUNT',
  'COUNT_BIG',
  'SUM',
  'AVG',
  'MIN',
  'MAX',
  'STRING_AGG',
  'STDEV',
  'STDEVP',
  'VAR',
  'VARP',
])

export function isAggregate(name: string): boolean {
  return aggregates.has(name)
}

export interface AggregateOptions {
  readonly distinct: boolean
  readonly star: boolean
  readonly order: string | undefined
  readonly over: string | undefined
}

/** Aggregates and window functions. */
export function bindAggregate(name: string, args: readonly Bound[], options: AggregateOptions): Bound {
  const over = options.over === undefined ? '' : ` OVER (${options.over})`
  const distinct = options.distinct ? 'DISTINCT ' : ''
  const first = args[0]
  switch (name) {
    case 'COUNT':
    case 'COUNT_BIG': {
      const type = name === 'COUNT' ? int : bigint
      const inner =
        options.star || first === undefined ? '*' : options.distinct ? `DISTINCT ${keySql(first)}` : first.sql
      return bound(`CAST(count(${inner})${over} AS ${duckType(type)})`, type, { nullable: true })
    }
    case 'SUM':
    case 'AVG': {
      const v = arg(args, 0)
      if (familyOf(v.type) !== 'number' || v.type.name === 'bit')
        throw sqlError(8117, `Operand data type ${v.type.name} is invalid for ${name.toLowerCase()} operator.`)
      const type = sumType(v.type, name)
      if (name === 'SUM') return bound(`CAST(sum(${distinct}${v.sql})${over} AS ${duckType(type)})`, type)
      if (type.name === 'float' || type.name === 'real')
        return bound(`CAST(avg(${distinct}${v.sql})${over} AS DOUBLE)`, type)
      const total = `sum(${distinct}${v.sql})${over}`
      const count = `count(${distinct}${v.sql})${over}`
      if (isInteger(type))
        return bound(`CAST(CASE WHEN ${count} = 0 THEN NULL ELSE ${total} // ${count} END AS ${duckType(type)})`, type)
      const { scale } = asDecimal(type)
      const from = asDecimal(v.type).scale
      const shift = `1${'0'.repeat(scale - from)}`
      return bound(
        `CAST(CASE WHEN ${count} = 0 THEN NULL ELSE decimal_of_unscaled(CAST(replace(CAST(${total} AS VARCHAR), '.', '') AS HUGEINT) * ${shift} // ${count}, ${scale}) END AS ${duckType(type)})`,
        type,
      )
    }
    case 'MIN':
    case 'MAX': {
      const v = arg(args, 0)
      if (v.type.name === 'bit')
        throw sqlError(8117, `Operand data type bit is invalid for ${name.toLowerCase()} operator.`)
      const fold = familyOf(v.type) === 'string' || v.type.name === 'datetimeoffset'
      const sql = fold ? `arg_${name.toLowerCase()}(${v.sql}, ${keySql(v)})` : `${name.toLowerCase()}(${v.sql})`
      return bound(`${sql}${over}`, v.type, { collation: v.collation })
    }
    case 'STRING_AGG': {
      const v = text(arg(args, 0))
      const order = options.order === undefined ? '' : ` ORDER BY ${options.order}`
      return bound(
        `string_agg(${v.sql}, ${text(arg(args, 1)).sql}${order})${over}`,
        v.type.name.startsWith('n') ? { name: 'nvarchar', length: 4000 } : { name: 'varchar', length: 8000 },
        { collation: v.collation },
      )
    }
    case 'STDEV':
    case 'STDEVP':
    case 'VAR':
    case 'VARP': {
      const fn = { STDEV: 'stddev_samp', STDEVP: 'stddev_pop', VAR: 'var_samp', VARP: 'var_pop' }[name]
      return bound(`${fn}(CAST(${arg(args, 0).sql} AS DOUBLE))${over}`, { name: 'float' })
    }
    case 'ROW_NUMBER':
    case 'RANK':
    case 'DENSE_RANK':
    case 'NTILE':
      return bound(`${name.toLowerCase()}(${name === 'NTILE' ? asBig(arg(args, 0)) : ''})${over}`, bigint, {
        nullable: true,
      })
    case 'LAG':
    case 'LEAD': {
      const v = arg(args, 0)
      const offset = args[1] === undefined ? '1' : asBig(args[1])
      const fallback = args[2] === undefined ? '' : `, ${implicitly(args[2], v.type).sql}`
      return bound(`${name.toLowerCase()}(${v.sql}, ${offset}${fallback})${over}`, v.type, { collation: v.collation })
    }
    case 'FIRST_VALUE':
    case 'LAST_VALUE':
      return bound(`${name.toLowerCase()}(${arg(args, 0).sql})${over}`, arg(args, 0).type, {
        collation: arg(args, 0).collation,
      })
    default:
      throw notImplemented(`${name} OVER`)
  }
}

function sumType(type: SqlType, name: string): SqlType {
  switch (type.name) {
    case 'tinyint':
    case 'smallint':
      return int
    case 'real':
      return { name: 'float' }
    case 'smallmoney':
      return { name: 'money' }
    case 'decimal':
    case 'numeric':
      return { name: 'decimal', precision: 38, scale: name === 'AVG' ? Math.max(type.scale, 6) : type.scale }
    default:
      return type
  }
}
