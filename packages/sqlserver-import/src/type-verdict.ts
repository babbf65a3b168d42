import { formatSqlType } from '@icebridge/sqlserver'
import type { ColumnDefinition, SqlType } from '@icebridge/sqlserver'
import { codePageOf } from './collation.ts'
import { familyOf, isFixedLength, isUnicode, lengthOf } from './sql-type.ts'

/** What happens to a source column's values in a target column. */
export type TypeVerdict =
  | { readonly verdict: 'exact' }
  /** The types are of one kind, but the target's cannot hold every value of the source's. */
  | { readonly verdict: 'narrowed'; readonly loss: string }
  /** The types have nothing to do with one another. */
  | { readonly verdict: 'refused'; readonly reason: string }

const exact: TypeVerdict = { verdict: 'exact' }

/** Compares two columns by type and collation alone; nullability and roles are the plan's business. Pure and total. */
export function typeVerdict(source: ColumnDefinition, target: ColumnDefinition): TypeVerdict {
  const from = source.type.name === 'rowversion' ? rowversionAsBinary : source.type
  const family = familyOf(from)
  if (family !== familyOf(target.type)) return unlike(source, target)
  switch (family) {
    case 'bit':
    case 'date':
    case 'uniqueidentifier':
    case 'xml':
    case 'json':
    case 'rowversion':
    case 'variant':
      return exact
    case 'clr':
      return from.name === target.type.name ? exact : unlike(source, target)
    case 'vector':
      return lengthOf(from) === lengthOf(target.type) ? exact : unlike(source, target)
    case 'integer':
      return integerRank(from) <= integerRank(target.type) ? exact : narrowed('values out of range')
    case 'float':
      return from.name === 'float' && target.type.name === 'real' ? narrowed('digits past the seventh') : exact
    case 'decimal':
      return decimalVerdict(from, target.type)
    case 'time':
    case 'datetimeoffset':
      return scaleOf(from) <= scaleOf(target.type) ? exact : narrowed('fractions of a second')
    case 'datetime':
      return datetimeVerdict(from, target.type)
    case 'binary':
      return lengthVerdict(lengthOf(from), from, target.type, 'bytes')
    case 'character':
      return characterVerdict(source, target)
  }
}

const rowversionAsBinary: SqlType = { name: 'binary', length: 8 }

/** Fractional digits of a time type; 7 when the definition does not say. */
function scaleOf(type: SqlType): number {
  return type.scale ?? 7
}

function integerRank(type: SqlType): number {
  return ['tinyint', 'smallint', 'int', 'bigint'].indexOf(type.name)
}

function decimalVerdict(from: SqlType, to: SqlType): TypeVerdict {
  const source = decimalRange(from)
  const target = decimalRange(to)
  if (target.scale < source.scale) return narrowed('digits after the decimal point')
  // money and smallmoney do not reach the end of their last integral digit.
  const integral =
    to.name === 'money' || to.name === 'smallmoney'
      ? target.integral - (from.name === to.name ? 0 : 1)
      : target.integral
  const enough = from.name === 'smallmoney' && to.name === 'money' ? true : integral >= source.integral
  return enough ? exact : narrowed('values out of range')
}

function decimalRange(type: SqlType): { readonly integral: number; readonly scale: number } {
  if (type.name === 'money') return { integral: 15, scale: 4 }
  if (type.name === 'smallmoney') return { integral: 6, scale: 4 }
  const scale = type.scale ?? 0
  return { integral: (type.precision ?? 18) - scale, scale }
}

function datetimeVerdict(from: SqlType, to: SqlType): TypeVerdict {
  if (from.name === to.name && to.name !== 'datetime2') return exact
  if (to.name === 'datetime2') {
    const digits = from.name === 'datetime2' ? scaleOf(from) : from.name === 'datetime' ? 3 : 0
    return digits <= scaleOf(to) ? exact : narrowed('fractions of a second')
  }
  if (from.name === 'smalldatetime') return exact
  return narrowed(
    to.name === 'datetime' ? 'fractions of 1/300 second and years before 1753' : 'seconds, and years past 2079',
  )
}

function characterVerdict(source: ColumnDefinition, target: ColumnDefinition): TypeVerdict {
  const from = source.type
  const to = target.type
  if (isUnicode(to)) return lengthVerdict(lengthOf(from), from, to, 'characters')
  const toPage = target.collation === undefined ? undefined : codePageOf(target.collation)
  if (isUnicode(from)) {
    // A UTF-16 code unit takes at most three bytes of UTF-8: a surrogate pair takes four for its two.
    if (toPage === 65001) return lengthVerdict(lengthOf(from) * 3, from, to, 'bytes of UTF-8')
    return narrowed(`characters that are not in the code page of ${target.collation ?? 'the target column'}`)
  }
  if (source.collation === target.collation) return lengthVerdict(lengthOf(from), from, to, 'bytes')
  const fromPage = source.collation === undefined ? undefined : codePageOf(source.collation)
  if (fromPage !== undefined && fromPage === toPage) return lengthVerdict(lengthOf(from), from, to, 'bytes')
  if (toPage === 65001) return lengthVerdict(lengthOf(from) * 3, from, to, 'bytes of UTF-8')
  return narrowed(`characters that are not in the code page of ${target.collation ?? 'the target column'}`)
}

function lengthVerdict(needed: number, from: SqlType, to: SqlType, unit: string): TypeVerdict {
  if (lengthOf(to) < needed) return narrowed(`${unit} past ${lengthOf(to)}`)
  if (isFixedLength(to) && !(isFixedLength(from) && lengthOf(from) === lengthOf(to))) {
    return narrowed('the length of short values, which the target pads')
  }
  return exact
}

function narrowed(loss: string): TypeVerdict {
  return { verdict: 'narrowed', loss }
}

function unlike(source: ColumnDefinition, target: ColumnDefinition): TypeVerdict {
  return {
    verdict: 'refused',
    reason: `${formatSqlType(source.type)} does not go into ${formatSqlType(target.type)}`,
  }
}
