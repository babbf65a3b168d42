import type { SqlType } from '../session.ts'
import { arg, asBig, asInt, bigint, int, type Rule } from './arguments.ts'
import { type Bound, bound } from './bound.ts'
import { convert, fromTicks } from './convert.ts'
import { toTicks } from './sql-text.ts'
import { notImplemented, sqlError } from './errors.ts'
import { duckType, familyOf } from './types.ts'
import { textOf } from './values.ts'

const datePart = (v: Bound): string => {
  const aliases: Readonly<Record<string, string>> = {
    yy: 'year',
    yyyy: 'year',
    qq: 'quarter',
    q: 'quarter',
    mm: 'month',
    m: 'month',
    dy: 'dayofyear',
    y: 'dayofyear',
    dd: 'day',
    d: 'day',
    wk: 'week',
    ww: 'week',
    dw: 'weekday',
    w: 'weekday',
    hh: 'hour',
    mi: 'minute',
    n: 'minute',
    ss: 'second',
    s: 'second',
    ms: 'millisecond',
    mcs: 'microsecond',
    ns: 'nanosecond',
    tzoffset: 'tz',
    tz: 'tz',
  }
  const name = textOf(v.constant)
  return aliases[name] ?? name
}

const dated = (v: Bound): Bound =>
  familyOf(v.type) === 'datetime'
    ? v
    : convert(v, familyOf(v.type) === 'string' ? { name: 'datetime2', scale: 7 } : { name: 'datetime' })

const clockParts = new Set(['hour', 'minute', 'second', 'millisecond', 'microsecond', 'nanosecond'])

/** A date has no hours, a time no days. */
function checkPart(part: string, type: SqlType, name: string): void {
  const clock = clockParts.has(part)
  if ((type.name === 'date' && clock) || (type.name === 'time' && !clock && part !== 'tz'))
    throw sqlError(9810, `The datepart ${part} is not supported by date function ${name} for data type ${type.name}.`)
}

const unitTicks: Readonly<Record<string, bigint>> = {
  day: 864_000_000_000n,
  dayofyear: 864_000_000_000n,
  weekday: 864_000_000_000n,
  week: 6_048_000_000_000n,
  hour: 36_000_000_000n,
  minute: 600_000_000n,
  second: 10_000_000n,
  millisecond: 10_000n,
  microsecond: 10n,
}

const dateAdd: Rule = (args) => {
  const part = datePart(arg(args, 0))
  const value = dated(arg(args, 2))
  checkPart(part, value.type, 'dateadd')
  const amount = asInt(arg(args, 1))
  const ticks = toTicks(value.sql, value.type)
  const unit = unitTicks[part]
  let sql: string
  if (unit !== undefined) sql = `(${ticks} + CAST(${amount} AS BIGINT) * ${unit})`
  else if (part === 'nanosecond') sql = `(${ticks} + CAST(${amount} AS BIGINT) // 100)`
  else if (part === 'year' || part === 'month' || part === 'quarter') {
    const months = part === 'year' ? 12 : part === 'quarter' ? 3 : 1
    sql = `add_months(${ticks}, CAST(${amount} AS BIGINT) * ${months})`
  } else throw sqlError(155, `'${part}' is not a recognized dateadd option.`, { severity: 15 })
  return bound(fromTicks(sql, value.type, value.type.name === 'datetimeoffset' ? `(${value.sql}).o` : '0'), value.type)
}

const partOf = (part: string, v: Bound): string => {
  const value = dated(v)
  checkPart(part, value.type, 'datepart')
  const ticks = toTicks(value.sql, value.type)
  switch (part) {
    case 'tz':
      return value.type.name === 'datetimeoffset' ? `CAST((${value.sql}).o AS INTEGER)` : '0'
    case 'nanosecond':
      return `CAST((${ticks}) % 10000000 * 100 AS INTEGER)`
    case 'microsecond':
      return `CAST((${ticks}) % 10000000 // 10 AS INTEGER)`
    case 'millisecond':
      return value.type.name === 'datetime'
        ? `CAST(round(floor_mod(${value.sql}, 300) * 10 / 3.0) AS INTEGER)`
        : `CAST((${ticks}) % 10000000 // 10000 AS INTEGER)`
    case 'weekday':
      return `CAST((((${ticks}) // 864000000000) + 1) % 7 + 1 AS INTEGER)`
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'minute':
    case 'second':
    case 'quarter':
    case 'dayofyear':
      return `CAST(date_part('${part === 'dayofyear' ? 'doy' : part}', stamp_of_ticks(${ticks})) AS INTEGER)`
    default:
      throw notImplemented(`the date part ${part}`)
  }
}

const dateDiff =
  (type: SqlType): Rule =>
  (args) => {
    const part = datePart(arg(args, 0))
    const a = dated(arg(args, 1))
    const b = dated(arg(args, 2))
    const [x, y] = [a, b].map((v) => (v.type.name === 'datetimeoffset' ? `(${v.sql}).u` : toTicks(v.sql, v.type)))
    const unit = part === 'nanosecond' ? undefined : unitTicks[part]
    let sql: string
    if (part === 'week') sql = `((((${y}) // 864000000000) + 1) // 7 - (((${x}) // 864000000000) + 1) // 7)`
    else if (unit !== undefined) sql = `((${y}) // ${unit} - (${x}) // ${unit})`
    else if (part === 'nanosecond') sql = `(((${y}) - (${x})) * 100)`
    else if (part === 'year' || part === 'month' || part === 'quarter')
      sql = `date_diff('${part}', stamp_of_ticks(${x}), stamp_of_ticks(${y}))`
    else throw sqlError(155, `'${part}' is not a recognized datediff option.`, { severity: 15 })
    return bound(`CAST(${sql} AS ${duckType(type)})`, type)
  }

/** The functions on dates and times. */
export const dateRules: Readonly<Record<string, Rule>> = {
  DATEADD: dateAdd,
  DATEDIFF: dateDiff(int),
  DATEDIFF_BIG: dateDiff(bigint),
  DATEPART: (args) => bound(partOf(datePart(arg(args, 0)), arg(args, 1)), int),
  YEAR: (args) => bound(partOf('year', arg(args, 0)), int),
  MONTH: (args) => bound(partOf('month', arg(args, 0)), int),
  DAY: (args) => bound(partOf('day', arg(args, 0)), int),
  SWITCHOFFSET: (args) => {
    const v = arg(args, 0)
    if (v.type.name !== 'datetimeoffset') throw notImplemented(`SWITCHOFFSET of ${v.type.name}`)
    const offset =
      familyOf(arg(args, 1).type) === 'string' ? `offset_of_text(${arg(args, 1).sql})` : asInt(arg(args, 1))
    return bound(
      `CASE WHEN ${v.sql} IS NULL THEN NULL ELSE CAST({u: (${v.sql}).u, o: ${offset}} AS ${duckType(v.type)}) END`,
      v.type,
    )
  },
  TODATETIMEOFFSET: (args) => {
    const v = convert(arg(args, 0), { name: 'datetime2', scale: 7 })
    const offset =
      familyOf(arg(args, 1).type) === 'string' ? `offset_of_text(${arg(args, 1).sql})` : asInt(arg(args, 1))
    return bound(fromTicks(v.sql, { name: 'datetimeoffset', scale: 7 }, offset), { name: 'datetimeoffset', scale: 7 })
  },
  DATEFROMPARTS: (args) =>
    bound(`make_date(${[0, 1, 2].map((i) => asInt(arg(args, i))).join(', ')})`, { name: 'date' }),
  EOMONTH: (args) => {
    const months = args[1] === undefined ? '0' : asInt(args[1])
    const day = convert(dated(arg(args, 0)), { name: 'date' }).sql
    return bound(`last_day(CAST(${day} + to_months(${months}) AS DATE))`, { name: 'date' })
  },
  DATETIME2FROMPARTS: (args) => {
    const scale = Number(arg(args, 7).constant)
    const day = `CAST(date_diff('day', DATE '1970-01-01', make_date(${[0, 1, 2].map((i) => asInt(arg(args, i))).join(', ')})) + 719162 AS BIGINT) * 864000000000`
    return bound(
      `(${day} + ${asBig(arg(args, 3))} * 36000000000 + ${asBig(arg(args, 4))} * 600000000 + ${asBig(arg(args, 5))} * 10000000 + ${asBig(arg(args, 6))} * ${10 ** (7 - scale)})`,
      { name: 'datetime2', scale },
    )
  },
}
