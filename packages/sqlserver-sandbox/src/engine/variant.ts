import { SandboxSqlError, type SqlType } from '../session.ts'
import { type Bound, bound } from './bound.ts'
import { notImplemented, sqlError } from './errors.ts'
import { catalogType, defaultCollation, duckType, familyOf, formatType, isInteger, lengthOf } from './types.ts'
import { decimalDigits, fail } from './sql-text.ts'
import { textOf } from './values.ts'

/*
 * A sql_variant is kept as its base type, precision, scale, length in bytes and collation beside the text of its stored value.
 * @see https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
 */

const variant: SqlType = { name: 'sql_variant' }
const nvarchar128: SqlType = { name: 'nvarchar', length: 128 }

/** Base types as their values are stored; decimal is apart, because its scale is the value's. Date types count in 100 ns. */
const bases: readonly SqlType[] = [
  ...(['bit', 'tinyint', 'smallint', 'int', 'bigint', 'real', 'float', 'money', 'smallmoney'] as const).map((name) => ({
    name,
  })),
  ...(['date', 'datetime', 'smalldatetime', 'uniqueidentifier'] as const).map((name) => ({ name })),
  ...(['char', 'varchar', 'nchar', 'nvarchar', 'binary', 'varbinary'] as const).map((name) => ({ name, length: -1 })),
  ...(['time', 'datetime2', 'datetimeoffset'] as const).map((name) => ({ name, scale: 7 })),
]

/** Whether a value of the type may stand in a sql_variant. */
export function fitsVariant(type: SqlType): boolean {
  switch (type.name) {
    case 'text':
    case 'ntext':
    case 'image':
    case 'xml':
    case 'rowversion':
      return false
    default:
      return !('length' in type) || type.length !== -1
  }
}

/** A value as a sql_variant: NULL stays NULL, and has no base type. */
export function toVariant(value: Bound): string {
  const { sql, type } = value
  if (type.name === 'sql_variant') return sql
  const { precision, scale, maxLength } = catalogType(type)
  const collation = familyOf(type) === 'string' ? `'${value.collation ?? defaultCollation}'` : 'NULL'
  const fields = `b: '${type.name}', p: ${precision}, s: ${scale}, n: ${maxLength}, c: ${collation}, v: ${payload(sql, type)}`
  return `CASE WHEN ${sql} IS NULL THEN NULL ELSE CAST({${fields}} AS ${duckType(variant)}) END`
}

function payload(sql: string, type: SqlType): string {
  switch (familyOf(type)) {
    case 'string':
      return sql
    case 'binary':
      return `hex(${sql})`
    default:
      if (type.name === 'datetimeoffset') return `(CAST((${sql}).u AS VARCHAR) || ';' || CAST((${sql}).o AS VARCHAR))`
      if (type.name === 'decimal' || type.name === 'numeric') return decimalDigits(sql, type)
      return `CAST(${sql} AS VARCHAR)`
  }
}

/**
 * The stored value of a variant that is known to be of a base type. DuckDB may evaluate it for values of other types too, where it
 * stands in a statement more than once: it must not fail then.
 */
function stored(sql: string, type: SqlType): string {
  switch (familyOf(type)) {
    case 'string':
      return `(${sql}).v`
    case 'binary':
      return `TRY(unhex((${sql}).v))`
    default:
      if (type.name === 'datetimeoffset')
        return `CAST({u: TRY_CAST(split_part((${sql}).v, ';', 1) AS BIGINT), o: TRY_CAST(split_part((${sql}).v, ';', 2) AS SMALLINT)} AS ${duckType(type)})`
      return `TRY_CAST((${sql}).v AS ${duckType(type)})`
  }
}

/** CONVERT of a sql_variant: what it does is decided by the base type of each value. `convert` is the same CONVERT of one base type. */
export function fromVariant({ sql, inner }: Bound, to: SqlType, convert: (value: Bound) => string): string {
  if (inner !== undefined) return convert(inner)
  return once(sql, (x) => {
    const branches = bases.map((base) => {
      const value = orError(() => {
        // Reading dates out of text is a page of SQL, in a statement that may have it a hundred times.
        if (familyOf(base) === 'string' && familyOf(to) === 'datetime')
          throw notImplemented(`CONVERT of a sql_variant of ${base.name} to ${to.name}`)
        return convert(bound(stored(x, base), base))
      }, to)
      return `WHEN '${base.name}' THEN ${'scale' in base ? atScale(value, x, base, to) : value}`
    })
    const decimal = orError(() => fromDecimal(x, to), to)
    return `CASE (${x}).b ${branches.join(' ')} WHEN 'decimal' THEN ${decimal} WHEN 'numeric' THEN ${decimal} END`
  })
}

/** Evaluates `sql` once; a column is named again wherever it is needed. */
function once(sql: string, expression: (x: string) => string): string {
  return sql.length < 40 ? `(${expression(sql)})` : `list_transform([${sql}], lambda x: ${expression('x')})[1]`
}

/** Text and bytes of a date type show its scale: from those of seven digits to those of the value's own. */
function atScale(sql: string, x: string, base: SqlType, to: SqlType): string {
  if (familyOf(to) === 'string') {
    const kept = `left(y, CAST(instr(y, '.') + (${x}).s - CASE (${x}).s WHEN 0 THEN 1 ELSE 0 END AS INTEGER))`
    return `list_transform([${sql}], lambda y: ${kept} || substr(y, CAST(instr(y, '.') + 8 AS INTEGER)))[1]`
  }
  if (familyOf(to) !== 'binary') return sql
  const ticks = base.name === 'datetimeoffset' ? `split_part((${x}).v, ';', 1)` : `(${x}).v`
  const units = `TRY_CAST(${ticks} AS BIGINT) % 864000000000 // CAST(pow(10, 7 - (${x}).s) AS BIGINT)`
  const digits = `CASE WHEN (${x}).s <= 2 THEN 6 WHEN (${x}).s <= 4 THEN 8 ELSE 10 END`
  const clock = `reverse_hex(right(printf('%016x', ${units}), ${digits}))`
  return `unhex(printf('%02x', (${x}).s) || ${clock} || substr(hex(${sql}), 13))`
}

/** A conversion that is refused while binding is refused here for the values that need it alone. */
function orError(make: () => string, to: SqlType): string {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof SandboxSqlError)) throw error
    return `CAST(${fail(error.error.number, error.error.message)} AS ${duckType(to)})`
  }
}

function fromDecimal(sql: string, to: SqlType): string {
  const text = `(${sql}).v`
  const duck = duckType(to)
  const overflow = `CAST(${fail(8115, `Arithmetic overflow error converting sql_variant to data type ${to.name}.`)} AS ${duck})`
  const read = (digits: string): string => `coalesce(TRY_CAST(${digits} AS ${duck}), ${overflow})`
  if (familyOf(to) === 'string') return text
  if (to.name === 'bit') return `(TRY_CAST(${text} AS DOUBLE) <> 0)`
  if (isInteger(to)) return read(`split_part(${text}, '.', 1)`)
  if (familyOf(to) === 'number') return read(text)
  if (familyOf(to) === 'binary' && to.name === 'varbinary' && (lengthOf(to) === -1 || lengthOf(to) >= 20)) {
    const sign = `CASE WHEN ${text} LIKE '-%' THEN '0000' ELSE '0001' END`
    return `unhex(printf('%02x%02x', (${sql}).p, (${sql}).s) || ${sign} || text_words(${text}))`
  }
  throw notImplemented(`CONVERT of a sql_variant of decimal to ${formatType(to)}`)
}

/** DATALENGTH of the base value. */
export function variantBytes({ sql }: Bound): string {
  return once(sql, (x) => {
    const text = `(${x}).v`
    return [
      `CASE (${x}).b WHEN 'char' THEN text_units(${text}) WHEN 'varchar' THEN text_units(${text})`,
      `WHEN 'nchar' THEN text_units(${text}) * 2 WHEN 'nvarchar' THEN text_units(${text}) * 2`,
      `WHEN 'binary' THEN length(${text}) // 2 WHEN 'varbinary' THEN length(${text}) // 2`,
      `WHEN 'decimal' THEN 1 + length(text_words(${text})) // 2 WHEN 'numeric' THEN 1 + length(text_words(${text})) // 2`,
      `ELSE (${x}).n END`,
    ].join(' ')
  })
}

/** SQL_VARIANT_PROPERTY: itself a sql_variant; NULL for what the base type does not have. */
export function variantProperty(value: Bound, property: Bound): Bound {
  if (!property.hasConstant) throw notImplemented('SQL_VARIANT_PROPERTY with a name that is no constant')
  const sql = value.isNull ? `CAST(NULL AS ${duckType(variant)})` : toVariant(value)
  const field = (): Bound => {
    switch (textOf(property.constant).toLowerCase()) {
      case 'basetype':
        return bound(`(${sql}).b`, nvarchar128)
      case 'precision':
        return bound(`(${sql}).p`, { name: 'int' })
      case 'scale':
        return bound(`(${sql}).s`, { name: 'int' })
      case 'maxlength':
        return bound(`(${sql}).n`, { name: 'int' })
      case 'collation':
        return bound(`(${sql}).c`, nvarchar128)
      case 'totalbytes':
        throw notImplemented('TotalBytes of SQL_VARIANT_PROPERTY')
      default:
        return bound('CAST(NULL AS INTEGER)', { name: 'int' })
    }
  }
  if (!fitsVariant(value.type)) {
    throw sqlError(
      8116,
      `Argument data type ${value.type.name} is invalid for argument 1 of SQL_VARIANT_PROPERTY function.`,
    )
  }
  const inner = field()
  return bound(toVariant(inner), variant, { inner })
}
