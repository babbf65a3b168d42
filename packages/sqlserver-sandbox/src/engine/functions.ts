import type { SqlType } from '../session.ts'
import { type Bound, bound, keySql } from './bound.ts'
import { convert, fromTicks, implicitly, toTicks } from './convert.ts'
import { notImplemented, sqlError } from './errors.ts'
import { asDecimal, duckType, familyOf, isInteger, lengthOf, unifyTypes } from './types.ts'

const int: SqlType = { name: 'int' }
const bigint: SqlType = { name: 'bigint' }
const nvarcharMax: SqlType = { name: 'nvarchar', length: -1 }

type Rule = (args: readonly Bound[]) => Bound

function arg(args: readonly Bound[], index: number): Bound {
  const value = args[index]
  if (value === undefined) throw sqlError(174, `The function requires ${index + 1} argument(s).`, { severity: 15 })
  return value
}

const text = (v: Bound): Bound => (familyOf(v.type) === 'string' ? v : convert(v, { name: 'nvarchar', length: 4000 }))
const asInt = (v: Bound): string => convert(v, int).sql
const asBig = (v: Bound): string => convert(v, bigint).sql
/** A string function that gives back its argument's type. */
const sameText =
  (sql: (v: string) => string): Rule =>
  (args) => {
    const value = text(arg(args, 0))
    return bound(sql(value.sql), varying(value.type), { collation: value.collation, nullable: value.nullable })
  }

function varying(type: SqlType): SqlType {
  if (type.name === 'char') return { ...type, name: 'varchar' }
  if (type.name === 'nchar') return { ...type, name: 'nvarchar' }
  return type.name === 'text'
    ? { name: 'varchar', length: -1 }
    : type.name === 'ntext' || type.name === 'xml'
      ? nvarcharMax
      : type
}

function unlimited(type: SqlType, factor = 1): SqlType {
  const v = varying(type)
  if (v.name === 'varchar') return { name: 'varchar', length: v.length === -1 ? -1 : Math.min(8000, v.length * factor) }
  return v.name === 'nvarchar'
    ? { name: 'nvarchar', length: v.length === -1 ? -1 : Math.min(4000, v.length * factor) }
    : v
}

/** What DATALENGTH gives for a type of fixed length; a decimal counts the words of its value. */
function storageBytes({ type, sql }: Bound): string {
  switch (type.name) {
    case 'bit':
    case 'tinyint':
      return '1'
    case 'smallint':
      return '2'
    case 'date':
      return '3'
    case 'int':
    case 'real':
    case 'smallmoney':
    case 'smalldatetime':
      return '4'
    case 'uniqueidentifier':
      return '16'
    case 'decimal':
    case 'numeric':
      return `CAST(1 + length(decimal_words(${sql})) // 2 AS INTEGER)`
    case 'time':
    case 'datetime2':
    case 'datetimeoffset': {
      const clock = type.scale <= 2 ? 3 : type.scale <= 4 ? 4 : 5
      return String(clock + (type.name === 'time' ? 0 : type.name === 'datetime2' ? 3 : 5))
    }
    default:
      return '8'
  }
}

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
  const name = String(v.constant)
  return aliases[name] ?? name
}

const dated = (v: Bound): Bound =>
  familyOf(v.type) === 'datetime'
    ? v
    : convert(v, familyOf(v.type) === 'string' ? { name: 'datetime2', scale: 7 } : { name: 'datetime' })

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
        ? `CAST(round((${value.sql} % 300) * 10 / 3.0) AS INTEGER)`
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

const coalesce: Rule = (args) => {
  const typed = args.filter((a) => !a.isNull)
  const [first, ...rest] = typed
  if (first === undefined)
    throw sqlError(
      4127,
      'At least one of the arguments to COALESCE must be an expression that is not the NULL constant.',
    )
  const type = rest.reduce((t, a) => unifyTypes(t, a.type), first.type)
  return bound(`coalesce(${args.map((a) => implicitly(a, type).sql).join(', ')})`, type, {
    nullable: args.every((a) => a.nullable),
    collation: first.collation,
  })
}

const rules: Readonly<Record<string, Rule>> = {
  LEN: (args) => bound(`CAST(text_units(rtrim(${text(arg(args, 0)).sql}, ' ')) AS INTEGER)`, int),
  DATALENGTH: (args) => {
    const v = arg(args, 0)
    switch (familyOf(v.type)) {
      case 'string':
        return bound(`CAST(text_units(${v.sql}) * ${v.type.name.startsWith('n') ? 2 : 1} AS INTEGER)`, int)
      case 'binary':
        return bound(`CAST(octet_length(${v.sql}) AS INTEGER)`, int)
      default:
        return bound(`CASE WHEN ${v.sql} IS NULL THEN NULL ELSE ${storageBytes(v)} END`, int)
    }
  },
  LEFT: (args) => sameText((s) => `left(${s}, ${asInt(arg(args, 1))})`)(args),
  RIGHT: (args) => sameText((s) => `right(${s}, ${asInt(arg(args, 1))})`)(args),
  SUBSTRING: (args) => {
    const value = arg(args, 0)
    const start = asInt(arg(args, 1))
    const length = asInt(arg(args, 2))
    if (familyOf(value.type) === 'binary')
      return bound(`unhex(substr(hex(${value.sql}), 2 * (${start}) - 1, 2 * (${length})))`, {
        name: 'varbinary',
        length: lengthOf(value.type),
      })
    return sameText((s) => `substr(${s}, greatest(${start}, 1), greatest(0, least(${start}, 1) - 1 + ${length}))`)(args)
  },
  UPPER: sameText((s) => `upper(${s})`),
  LOWER: sameText((s) => `lower(${s})`),
  LTRIM: sameText((s) => `ltrim(${s}, ' ')`),
  RTRIM: sameText((s) => `rtrim(${s}, ' ')`),
  TRIM: sameText((s) => `trim(${s}, ' ')`),
  REVERSE: sameText((s) => `reverse(${s})`),
  REPLACE: (args) =>
    bound(
      `replace(${text(arg(args, 0)).sql}, ${text(arg(args, 1)).sql}, ${text(arg(args, 2)).sql})`,
      text(arg(args, 0)).type.name.startsWith('n')
        ? { name: 'nvarchar', length: 4000 }
        : { name: 'varchar', length: 8000 },
      { collation: arg(args, 0).collation },
    ),
  REPLICATE: (args) => {
    const v = text(arg(args, 0))
    const type = lengthOf(v.type) === -1 ? varying(v.type) : unlimited(v.type, 8000)
    const most = lengthOf(type)
    const repeated = `repeat(${v.sql}, ${asInt(arg(args, 1))})`
    return bound(most === -1 ? repeated : `left(${repeated}, ${most})`, type, { collation: v.collation })
  },
  SPACE: (args) => bound(`repeat(' ', ${asInt(arg(args, 0))})`, { name: 'varchar', length: 8000 }),
  CHAR: (args) => bound(`chr(${asInt(arg(args, 0))})`, { name: 'char', length: 1 }),
  NCHAR: (args) => {
    const v = arg(args, 0)
    if (typeof v.constant === 'number' && v.constant >= 0xd800 && v.constant <= 0xdfff)
      return bound(`chr(${v.constant - 0xd800 + 0x10f800})`, { name: 'nchar', length: 1 })
    return bound(`chr(${asInt(v)})`, { name: 'nchar', length: 1 })
  },
  ASCII: (args) => bound(`CAST(ascii(${text(arg(args, 0)).sql}) AS INTEGER)`, int),
  UNICODE: (args) => bound(`CAST(unicode(${text(arg(args, 0)).sql}) AS INTEGER)`, int),
  QUOTENAME: (args) =>
    bound(`('[' || replace(${text(arg(args, 0)).sql}, ']', ']]') || ']')`, { name: 'nvarchar', length: 258 }),
  CHARINDEX: (args) => {
    const needle = keyText(arg(args, 0))
    const hay = keyText(arg(args, 1))
    const start = args[2] === undefined ? '1' : `greatest(1, ${asInt(args[2])})`
    return bound(
      `CAST(CASE WHEN ${start} = 1 THEN instr(${hay}, ${needle}) WHEN instr(substr(${hay}, ${start}), ${needle}) = 0 THEN 0 ELSE instr(substr(${hay}, ${start}), ${needle}) + ${start} - 1 END AS INTEGER)`,
      int,
    )
  },
  CONCAT: (args) => {
    const unicode = args.some((a) => a.type.name.startsWith('n'))
    return bound(
      `concat(${args.map((a) => (a.isNull ? "''" : convert(a, nvarcharMax).sql)).join(', ')})`,
      unicode ? { name: 'nvarchar', length: 4000 } : { name: 'varchar', length: 8000 },
      { nullable: false },
    )
  },
  CONCAT_WS: (args) =>
    bound(
      `concat_ws(${args.map((a) => convert(a, nvarcharMax).sql).join(', ')})`,
      { name: 'nvarchar', length: 4000 },
      { nullable: false },
    ),
  ISNULL: (args) => {
    const a = arg(args, 0)
    const b = arg(args, 1)
    const type = a.isNull ? b.type : a.type
    return bound(`coalesce(${convert(a, type).sql}, ${convert(b, type, { truncate: true }).sql})`, type, {
      nullable: b.nullable,
      collation: a.collation,
    })
  },
  COALESCE: coalesce,
  NULLIF: (args) => {
    const a = arg(args, 0)
    const type = unifyTypes(a.type, arg(args, 1).type)
    return bound(
      `CASE WHEN ${keySql(implicitly(a, type))} = ${keySql(implicitly(arg(args, 1), type))} THEN NULL ELSE ${a.sql} END`,
      a.type,
      { collation: a.collation },
    )
  },
  ABS: (args) => ({ ...bound(`abs(${arg(args, 0).sql})`, arg(args, 0).type) }),
  SIGN: (args) => bound(`CAST(sign(${arg(args, 0).sql}) AS ${duckType(arg(args, 0).type)})`, arg(args, 0).type),
  FLOOR: (args) => rounding('floor', arg(args, 0)),
  CEILING: (args) => rounding('ceil', arg(args, 0)),
  ROUND: (args) => {
    const v = arg(args, 0)
    const cut = args[2] !== undefined && Number(args[2].constant) !== 0
    const digits = asInt(arg(args, 1))
    return bound(
      `CAST(${cut ? `trunc(${v.sql}, ${digits})` : `round(${v.sql}, ${digits})`} AS ${duckType(v.type)})`,
      v.type,
    )
  },
  POWER: (args) =>
    bound(`CAST(pow(${arg(args, 0).sql}, ${arg(args, 1).sql}) AS ${duckType(arg(args, 0).type)})`, arg(args, 0).type),
  SQRT: (args) => bound(`sqrt(CAST(${arg(args, 0).sql} AS DOUBLE))`, { name: 'float' }),
  EXP: (args) => bound(`exp(CAST(${arg(args, 0).sql} AS DOUBLE))`, { name: 'float' }),
  LOG: (args) => bound(`ln(CAST(${arg(args, 0).sql} AS DOUBLE))`, { name: 'float' }),
  PI: () => bound('pi()', { name: 'float' }),
  RAND: () => bound('random()', { name: 'float' }),
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
  NEWID: () => bound('uuid()', { name: 'uniqueidentifier' }, { nullable: false }),
  NEWSEQUENTIALID: () => bound('uuid()', { name: 'uniqueidentifier' }, { nullable: false }),
  HASHBYTES: (args) => {
    const algorithm = String(arg(args, 0).constant).toUpperCase()
    const fn = { MD5: 'md5', SHA1: 'sha1', SHA: 'sha1', SHA2_256: 'sha256' }[algorithm]
    if (fn === undefined) throw notImplemented(`HASHBYTES with ${algorithm}`)
    return bound(`unhex(${fn}(${convert(arg(args, 1), { name: 'varbinary', length: -1 }).sql}))`, {
      name: 'varbinary',
      length: 8000,
    })
  },
  ISNUMERIC: (args) => bound(`CASE WHEN try_cast(${text(arg(args, 0)).sql} AS DOUBLE) IS NULL THEN 0 ELSE 1 END`, int),
  ISDATE: (args) => bound(`CASE WHEN TRY(ticks_of_text(${text(arg(args, 0)).sql})) IS NULL THEN 0 ELSE 1 END`, int),
  ISJSON: () => {
    throw notImplemented('ISJSON')
  },
}

function keyText(v: Bound): string {
  return `lower(${text(v).sql})`
}

function rounding(name: string, v: Bound): Bound {
  const type: SqlType = v.type.name === 'decimal' || v.type.name === 'numeric' ? { ...v.type, scale: 0 } : v.type
  return bound(`CAST(${name}(${v.sql}) AS ${duckType(type)})`, type)
}

/** A scalar function that needs nothing from the session; undefined when there is none of the name. */
export function bindFunction(name: string, args: readonly Bound[]): Bound | undefined {
  return rules[name]?.(args)
}

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
      const inner = options.star || first === undefined ? '*' : `${distinct}${keySql(first)}`
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
