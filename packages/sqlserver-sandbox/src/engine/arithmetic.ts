import type { SqlType } from '../session.ts'
import { type Bound, bound, collationOf } from './bound.ts'
import { clash, convert, fromTicks, implicitly } from './convert.ts'
import { notImplemented, sqlError } from './errors.ts'
import { fail, toTicks } from './sql-text.ts'
import { textOf } from './values.ts'
import { asDecimal, duckType, familyOf, isInteger, lengthOf, precedenceOf, shrink, unifyTypes } from './types.ts'

/** + - * / % & | ^ with SQL Server's result types. */
export function arithmetic(operator: string, left: Bound, right: Bound): Bound {
  const nullable = left.nullable || right.nullable
  if (left.isNull || right.isNull) {
    const type = left.isNull ? right.type : left.type
    return bound(`CAST(NULL AS ${duckType(type)})`, type, { nullable: true })
  }
  const a = familyOf(left.type)
  const b = familyOf(right.type)
  if (operator === '+' && (a === 'string' || a === 'binary') && a === b) return concatenate(left, right)
  if (a === 'datetime' || b === 'datetime') return dateArithmetic(operator, left, right)
  if (a !== 'number' && b !== 'number')
    throw sqlError(
      402,
      `The data types ${left.type.name} and ${right.type.name} are incompatible in the ${words[operator] ?? operator} operator.`,
    )
  if (a === 'guid' || b === 'guid') throw clash(left.type, right.type)
  const target = unifyTypes(left.type, right.type)
  const x = familyOf(left.type) === 'number' ? left : implicitly(left, target)
  const y = familyOf(right.type) === 'number' ? right : implicitly(right, target)
  if (target.name === 'float' || target.name === 'real') {
    const l = convert(x, target).sql
    const r = convert(y, target).sql
    if (operator === '/' || operator === '%') return bound(guard(r, `(${l} ${operator} ${r})`), target, { nullable })
    return bound(`(${l} ${operator} ${r})`, target, { nullable })
  }
  if (
    target.name === 'decimal' ||
    target.name === 'numeric' ||
    target.name === 'money' ||
    target.name === 'smallmoney'
  ) {
    return decimalArithmetic(operator, x, y, target, nullable)
  }
  if (!isInteger(target) && target.name !== 'bit') throw notImplemented(`${operator} on ${target.name}`)
  const type: SqlType = target.name === 'bit' && !'&|^'.includes(operator) ? { name: 'int' } : target
  const work: SqlType = type.name === 'bit' ? { name: 'int' } : type
  const l = convert(x, work).sql
  const r = convert(y, work).sql
  const duck = duckType(type)
  if (operator === '/') return bound(guard(r, `CAST((${l} // ${r}) AS ${duck})`), type, { nullable })
  if (operator === '%') return bound(guard(r, `CAST((${l} % ${r}) AS ${duck})`), type, { nullable })
  if (operator === '^') return bound(`CAST(xor(${l}, ${r}) AS ${duck})`, type, { nullable })
  return bound(`CAST((${l} ${operator} ${r}) AS ${duck})`, type, { nullable })
}

const words: Readonly<Record<string, string>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'modulo',
}

function guard(divisor: string, sql: string): string {
  return `(CASE WHEN ${divisor} = 0 THEN CAST(${fail(8134, 'Divide by zero error encountered.')} AS INTEGER) ELSE ${sql} END)`
}

function concatenate(left: Bound, right: Bound): Bound {
  const x = left.type
  const y = right.type
  if (familyOf(x) === 'binary') {
    return bound(
      `(${left.sql} || ${right.sql})`,
      { name: 'varbinary', length: sum(lengthOf(x), lengthOf(y), 8000) },
      { nullable: true },
    )
  }
  const unicode = x.name.startsWith('n') || y.name.startsWith('n')
  const length = sum(lengthOf(x), lengthOf(y), unicode ? 4000 : 8000)
  const type: SqlType = { name: unicode ? 'nvarchar' : 'varchar', length }
  const constant = left.hasConstant && right.hasConstant && left.constant !== null && right.constant !== null
  return bound(`(${left.sql} || ${right.sql})`, type, {
    nullable: left.nullable || right.nullable,
    ...collationOf(left, right),
    ...(constant ? { hasConstant: true, constant: `${textOf(left.constant)}${textOf(right.constant)}` } : {}),
  })
}

function sum(a: number, b: number, most: number): number {
  return a === -1 || b === -1 ? -1 : Math.min(most, a + b)
}

/** @see https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql */
function decimalArithmetic(operator: string, left: Bound, right: Bound, target: SqlType, nullable: boolean): Bound {
  const money = target.name === 'money' || target.name === 'smallmoney'
  const p = digitsOf(left)
  const q = digitsOf(right)
  const cast = (v: Bound, t: { precision: number; scale: number }): string => convert(v, { name: 'decimal', ...t }).sql
  const l = cast(left, p)
  const r = cast(right, q)
  let type: SqlType
  let sql: string
  switch (operator) {
    case '+':
    case '-': {
      const scale = Math.max(p.scale, q.scale)
      type = shrink(Math.max(p.precision - p.scale, q.precision - q.scale) + scale + 1, scale)
      const wide = asDecimal(type)
      sql = `(${cast(left, wide)} ${operator} ${cast(right, wide)})`
      break
    }
    case '*':
      type = shrink(p.precision + q.precision + 1, p.scale + q.scale)
      sql =
        p.precision + q.precision <= 38
          ? `(${l} * ${r})`
          : `(CAST(${l} AS DECIMAL(38,${p.scale})) * CAST(${r} AS DECIMAL(38,${q.scale})))`
      break
    case '/': {
      const scale = Math.max(6, p.scale + q.precision + 1)
      type = shrink(p.precision - p.scale + q.scale + scale, scale)
      const result = asDecimal(type)
      // Exact: integers of the unscaled digits, cut as SQL Server cuts.
      const shift = result.scale + q.scale - p.scale
      const unscaled = (v: string, s: number): string =>
        `CAST(CAST(replace(CAST(${v} AS VARCHAR), '.', '') AS HUGEINT) AS HUGEINT)`.replace('@', String(s))
      const numerator =
        shift >= 0
          ? `(${unscaled(l, p.scale)} * ${`1${'0'.repeat(Math.min(shift, 38))}`}::HUGEINT)`
          : unscaled(l, p.scale)
      sql = `decimal_of_unscaled(${numerator} // ${unscaled(r, q.scale)}, ${result.scale})`
      sql = guard(r, `CAST(${sql} AS DECIMAL(${result.precision},${result.scale}))`)
      break
    }
    case '%': {
      const scale = Math.max(p.scale, q.scale)
      type = shrink(Math.min(p.precision - p.scale, q.precision - q.scale) + scale, scale)
      sql = guard(r, `(${l} % ${r})`)
      break
    }
    default:
      throw sqlError(
        402,
        `The data types ${left.type.name} and ${right.type.name} are incompatible in the '${operator}' operator.`,
      )
  }
  if (money) type = target
  return bound(`CAST(${sql} AS ${duckType(type)})`, type, { nullable })
}

/** An integer literal counts with the digits it has, any other value with those of its type. */
function digitsOf(value: Bound): { precision: number; scale: number } {
  if (value.hasConstant && !value.nullable && isInteger(value.type) && typeof value.constant === 'number') {
    return { precision: String(Math.abs(value.constant)).length, scale: 0 }
  }
  return asDecimal(value.type)
}

function dateArithmetic(operator: string, left: Bound, right: Bound): Bound {
  const target = precedenceOf(left.type) >= precedenceOf(right.type) ? left.type : right.type
  if ((operator !== '+' && operator !== '-') || (target.name !== 'datetime' && target.name !== 'smalldatetime'))
    throw clash(left.type, right.type)
  if (familyOf(left.type) === 'datetime' && familyOf(right.type) === 'number') {
    const days = `CAST(round(CAST(${right.sql} AS DOUBLE) * 864000000000) AS BIGINT)`
    return bound(fromTicks(`(${toTicks(left.sql, left.type)} ${operator} ${days})`, target), target, { nullable: true })
  }
  throw notImplemented(`${operator} on ${left.type.name} and ${right.type.name}`)
}
