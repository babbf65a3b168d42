import type { PlainValue } from '@icebridge/columnar/testing'
import {
  and,
  eq,
  type Expression,
  gt,
  gteq,
  isIn,
  isNaN,
  isNull,
  type Literal,
  lt,
  lteq,
  not,
  noteq,
  notIn,
  notNaN,
  notNull,
  notStartsWith,
  or,
  type Schema,
  startsWith,
  type Type,
} from '@icebridge/iceberg-core'
import { type Dice, dotted, leaves, type ModelStruct, type Rows, valueAt } from './model-rows.ts'

/** A filter, and the rows that pass it. */
type Filter = [Expression, (row: ModelStruct) => boolean]

/** Of any columns outside lists and maps, with literals that are in the rows. */
export function randomFilter(dice: Dice, schema: Schema, rows: Rows): Filter {
  if (dice.once(4)) {
    const [a, passesA] = randomTest(dice, schema, rows)
    const [b, passesB] = randomTest(dice, schema, rows)
    return dice.pick<Filter>([
      [and(a, b), (row) => passesA(row) && passesB(row)],
      [or(a, b), (row) => passesA(row) || passesB(row)],
    ])
  }
  return randomTest(dice, schema, rows)
}

function randomTest(dice: Dice, schema: Schema, rows: Rows): Filter {
  const path = dice.pick(leaves(schema.fields))
  const name = dotted(path)
  const { type } = path.at(-1)!
  const of = (row: ModelStruct): PlainValue => valueAt(path, row)
  const value = rows.size === 0 ? null : of(dice.pick([...rows.values()]))
  const literal = value === null ? undefined : literalOf(type, value)
  if (value === null || literal === undefined || dice.once(6)) {
    return dice.pick<Filter>([
      [isNull(name), (row) => of(row) === null],
      [notNull(name), (row) => of(row) !== null],
      [not(isNull(name)), (row) => of(row) !== null],
    ])
  }
  const compare = (row: ModelStruct): number | undefined => {
    const found = of(row)
    return found === null || Number.isNaN(found) ? undefined : order(found, value)
  }
  const choices: Filter[] = [
    [eq(name, literal), (row) => compare(row) === 0],
    [noteq(name, literal), (row) => compare(row) !== 0],
    [isIn(name, [literal]), (row) => compare(row) === 0],
    [notIn(name, [literal]), (row) => compare(row) !== 0],
    [not(eq(name, literal)), (row) => compare(row) !== 0],
    [gt(name, literal), (row) => (compare(row) ?? 0) > 0],
    [lteq(name, literal), (row) => (compare(row) ?? 1) <= 0],
    [lt(name, literal), (row) => (compare(row) ?? 0) < 0],
    [gteq(name, literal), (row) => (compare(row) ?? -1) >= 0],
  ]
  if (type === 'string') {
    const prefix = Array.from(String(value)).slice(0, 2).join('')
    const starts = (row: ModelStruct): boolean => of(row) !== null && String(of(row)).startsWith(prefix)
    choices.push([startsWith(name, prefix), starts], [notStartsWith(name, prefix), (row) => !starts(row)])
  }
  if (type === 'float' || type === 'double') {
    choices.push([isNaN(name), (row) => Number.isNaN(of(row))], [notNaN(name), (row) => !Number.isNaN(of(row))])
  }
  return dice.pick(choices)
}

function literalOf(type: Type, value: PlainValue): Literal | undefined {
  if (typeof value === 'number' && Number.isNaN(value)) return undefined
  if (type === 'uuid') return String(value).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  if (type === 'binary' || (typeof type === 'object' && type.kind === 'fixed')) {
    return Uint8Array.from(Buffer.from(String(value), 'hex'))
  }
  if (typeof type === 'object' && type.kind !== 'decimal') return undefined
  return value as Literal // a scalar
}

/** Strings are in the order of their code points, which is that of their bytes. */
function order(a: PlainValue, b: PlainValue): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a! < b! ? -1 : a! > b! ? 1 : 0
}
