import { codePageOf, isSingleByte } from '../code-pages.ts'
import type { SqlType } from '../session.ts'
import { arg, asInt, int, type Rule, text } from './arguments.ts'
import { type Bound, bound, keySql } from './bound.ts'
import { convert, implicitly } from './convert.ts'
import { dateRules } from './dates.ts'
import { notImplemented, sqlError } from './errors.ts'
import { pageBytes } from './binary.ts'
import { duckType, familyOf, isNarrow, lengthOf, unifyTypes } from './types.ts'
import { textOf } from './values.ts'
import { variantBytes, variantProperty } from './variant.ts'

const nvarcharMax: SqlType = { name: 'nvarchar', length: -1 }

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
        if (isNarrow(v.type) && !isSingleByte(codePageOf(v.collation)))
          return bound(`CAST(octet_length(${pageBytes(v.sql, v.collation)}) AS INTEGER)`, int)
        return bound(`CAST(text_units(${v.sql}) * ${v.type.name.startsWith('n') ? 2 : 1} AS INTEGER)`, int)
      case 'binary':
        return bound(`CAST(octet_length(${v.sql}) AS INTEGER)`, int)
      case 'variant':
        return bound(`CAST(${variantBytes(v)} AS INTEGER)`, int)
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
    const times = asInt(arg(args, 1))
    const sql = `repeat(${v.sql}, ${times})`
    if (most !== -1) return bound(`left(${sql}, ${most})`, type, { collation: v.collation })
    return bound(sql, type, { collation: v.collation, repeated: { sql, text: v.sql, times } })
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
  PARSENAME: (args) => {
    const name = { name: 'nvarchar', length: 128 } as const
    return bound(`name_part(${text(arg(args, 0)).sql}, ${asInt(arg(args, 1))})`, name)
  },
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
  ...dateRules,
  NEWID: () => bound('uuid()', { name: 'uniqueidentifier' }, { nullable: false }),
  NEWSEQUENTIALID: () => bound('uuid()', { name: 'uniqueidentifier' }, { nullable: false }),
  HASHBYTES: (args) => {
    const algorithm = textOf(arg(args, 0).constant).toUpperCase()
    const fn = { MD5: 'md5', SHA1: 'sha1', SHA: 'sha1', SHA2_256: 'sha256' }[algorithm]
    if (fn === undefined) throw notImplemented(`HASHBYTES with ${algorithm}`)
    return bound(`unhex(${fn}(${convert(arg(args, 1), { name: 'varbinary', length: -1 }).sql}))`, {
      name: 'varbinary',
      length: 8000,
    })
  },
  SQL_VARIANT_PROPERTY: (args) => variantProperty(arg(args, 0), arg(args, 1)),
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
  const most = arity[name]
  if (most !== undefined && args.length > most)
    throw sqlError(174, `The ${name.toLowerCase()} function requires ${most} argument(s).`, { severity: 15 })
  return rules[name]?.(args)
}

/** How many arguments a function takes at most; the others take a list or check for themselves. */
const arity: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'LEN DATALENGTH UPPER LOWER LTRIM RTRIM TRIM REVERSE SPACE CHAR NCHAR ASCII UNICODE ABS SIGN FLOOR CEILING SQRT EXP YEAR MONTH DAY ISNUMERIC ISDATE'
      .split(' ')
      .map((name) => [name, 1]),
  ),
  ...Object.fromEntries(
    'LEFT RIGHT REPLICATE ISNULL NULLIF POWER DATEPART SWITCHOFFSET TODATETIMEOFFSET EOMONTH HASHBYTES QUOTENAME LOG SQL_VARIANT_PROPERTY'
      .split(' ')
      .map((name) => [name, 2]),
  ),
  ...Object.fromEntries(
    'SUBSTRING REPLACE CHARINDEX ROUND DATEADD DATEDIFF DATEDIFF_BIG DATEFROMPARTS'.split(' ').map((name) => [name, 3]),
  ),
  PI: 0,
  NEWID: 0,
  NEWSEQUENTIALID: 0,
  DATETIME2FROMPARTS: 8,
}
