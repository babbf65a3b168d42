import type { SqlType } from '../session.ts'
import { type Bound, bound, collationOf, keySql } from './bound.ts'
import { fold } from './catalog.ts'
import { checkConstant, convert, implicitly } from './convert.ts'
import { sqlError } from './errors.ts'
import { familyOf, precedenceOf, unifyTypes } from './types.ts'

export const nullValue: Bound = bound('NULL', { name: 'int' }, { isNull: true, constant: null, hasConstant: true })

export function commonType(values: readonly Bound[]): SqlType {
  const typed = values.filter((v) => !v.isNull)
  const [first, ...rest] = typed
  if (first === undefined) return { name: 'int' }
  return rest.reduce((type, v) => unifyTypes(type, v.type), first.type)
}

/** A comparison; `same` and `different` treat NULL as a value. */
export function compare(operator: string, left: Bound, right: Bound): string {
  const sign = operator === 'same' ? 'IS NOT DISTINCT FROM' : operator === 'different' ? 'IS DISTINCT FROM' : operator
  if (
    left.byteKey !== undefined &&
    right.byteKey !== undefined &&
    left.byteKey.kind === right.byteKey.kind &&
    (operator === '=' || operator === '<>' || sign.startsWith('IS'))
  ) {
    return `(${left.byteKey.sql} ${sign} ${right.byteKey.sql})`
  }
  if (left.isNull || right.isNull) {
    const type = left.isNull ? right.type : left.type
    return `(${keySql(convert(left, type))} ${sign} ${keySql(convert(right, type))})`
  }
  for (const side of [left, right]) {
    if (
      side.type.name === 'text' ||
      side.type.name === 'ntext' ||
      side.type.name === 'image' ||
      side.type.name === 'xml'
    ) {
      throw sqlError(
        402,
        `The data types ${left.type.name} and ${right.type.name} are incompatible in the equal to operator.`,
      )
    }
  }
  if (left.inner !== undefined && right.inner !== undefined && left.inner.type.name === right.inner.type.name)
    return compare(operator, left.inner, right.inner)
  const type = comparisonType(left, right)
  checkConstant(left, type)
  checkConstant(right, type)
  checkCollations(left, right)
  const collation = collationOf(left, right)
  const a: Bound = { ...implicitly(plain(left), type), ...collation }
  const b: Bound = { ...implicitly(plain(right), type), ...collation }
  return `(${keySql(a)} ${sign} ${keySql(b)})`
}

/** Two columns, or two COLLATE clauses, of different collations cannot be compared. */
function checkCollations(left: Bound, right: Bound): void {
  const [a, b] = [left.collation, right.collation]
  if (a === undefined || b === undefined || left.explicitCollation !== right.explicitCollation) return
  if (familyOf(left.type) !== 'string' || familyOf(right.type) !== 'string' || fold(a) === fold(b)) return
  throw sqlError(468, `Cannot resolve the collation conflict between "${b}" and "${a}" in the equal to operation.`, {
    state: 9,
  })
}

function plain(value: Bound): Bound {
  return { ...value, byteKey: undefined }
}

/** Binary against rowversion or binary compares as varbinary, anything else by precedence. */
function comparisonType(left: Bound, right: Bound): SqlType {
  if (familyOf(left.type) === 'binary' && familyOf(right.type) === 'binary') return { name: 'varbinary', length: -1 }
  const type = precedenceOf(left.type) >= precedenceOf(right.type) ? left.type : right.type
  const unified = unifyTypes(left.type, right.type)
  return familyOf(unified) === 'string'
    ? { name: 'nvarchar', length: -1 }
    : unified.name === type.name
      ? unified
      : unified
}
