import { type PlainValue, randomRows } from '@icebridge/columnar/testing'
import type { NestedField, Type } from '@icebridge/iceberg-core'
import { columnFieldsOf } from '@icebridge/iceberg-io'

/** Draws from one source of random numbers. */
export class Dice {
  readonly random: () => number

  constructor(random: () => number) {
    this.random = random
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0
  }
}

/** A value of a model: structs are by field id, so that they live through every change of the schema. */
export type ModelValue = null | boolean | number | bigint | string | ModelStruct | readonly ModelValue[]
export type ModelStruct = ReadonlyMap<number, ModelValue>
/** Rows by `id`. */
export type Rows = ReadonlyMap<bigint, ModelStruct>

const common: readonly Type[] = [
  ...(['boolean', 'int', 'long', 'float', 'double', 'date', 'time', 'timestamp', 'timestamptz'] as const),
  ...(['string', 'uuid', 'binary'] as const),
  { kind: 'decimal', precision: 9, scale: 2 },
  { kind: 'decimal', precision: 17, scale: 4 },
  { kind: 'decimal', precision: 38, scale: 10 },
  { kind: 'fixed', length: 5 },
]
const version3: readonly Type[] = [
  ...common,
  ...(['timestamp_ns', 'timestamptz_ns', 'unknown'] as const),
  { kind: 'variant' },
  { kind: 'geometry' },
  { kind: 'geography' },
]

/** Few, so that the names of columns that are gone come back. */
const names = ['a', 'b', 'c', 'Ä', 'q.r', 'x_y', '0', 'long name, with "quotes"']

export function freeName(dice: Dice, taken: readonly { readonly name: string }[]): string {
  const free = names.filter((name) => !taken.some((field) => field.name === name))
  return free.length === 0 ? `n${dice.below(1_000_000)}` : dice.pick(free)
}

/** Ids are assigned anew when the column gets into a table. */
export function randomType(dice: Dice, version: number, depth = 0): Type {
  const nested = depth < 2 && dice.once(4)
  if (!nested) {
    const type = dice.pick(version === 3 ? version3 : common)
    // A struct, list or map of nothing but unknown cannot be stored.
    return type === 'unknown' && depth > 0 ? 'string' : type
  }
  const inner = (): Type => randomType(dice, version, depth + 1)
  switch (dice.below(3)) {
    case 0:
      return { kind: 'struct', fields: randomFields(dice, version, depth + 1) }
    case 1: {
      const element = inner()
      return { kind: 'list', elementId: nextId(), elementRequired: mayBeRequired(element) && dice.once(4), element }
    }
    default: {
      const key = dice.pick<Type>(['string', 'int', 'date', { kind: 'decimal', precision: 9, scale: 2 }])
      const value = inner()
      return {
        kind: 'map',
        keyId: nextId(),
        key,
        valueId: nextId(),
        valueRequired: mayBeRequired(value) && dice.once(4),
        value,
      }
    }
  }
}

function randomFields(dice: Dice, version: number, depth: number): NestedField[] {
  const fields: NestedField[] = []
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const type = randomType(dice, version, depth)
    const required = mayBeRequired(type) && dice.once(4)
    fields.push({ id: nextId(), name: freeName(dice, fields), required, type })
  }
  return fields
}

/** `id`, which tells rows apart, and others. */
export function randomTable(dice: Dice, version: number): NestedField[] {
  const fields: NestedField[] = [{ id: nextId(), name: 'id', required: true, type: 'long' }]
  for (let left = 4 + dice.below(6); left > 0; left--) {
    const type = randomType(dice, version)
    fields.push({
      id: nextId(),
      name: freeName(dice, fields),
      required: mayBeRequired(type) && dice.once(4),
      type,
    })
  }
  return fields
}

let ids = 0
const nextId = (): number => ++ids

function mayBeRequired(type: Type): boolean {
  return type !== 'unknown'
}

/** A row of random values with this id. */
export function randomRow(dice: Dice, fields: readonly NestedField[], id: bigint): ModelStruct {
  const [values = []] = randomRows(columnFieldsOf({ fields }), 1, dice.random)
  return new Map([...structOf(fields, values), [idOf(fields), id]])
}

function idOf(fields: readonly NestedField[]): number {
  const field = fields.find(({ name }) => name === 'id')
  if (field === undefined) throw new TypeError('every table of a model has an id')
  return field.id
}

function structOf(fields: readonly NestedField[], values: readonly PlainValue[]): ModelStruct {
  return new Map(fields.map(({ id, type }, index) => [id, modelOf(type, values[index] ?? null)]))
}

function modelOf(type: Type, value: PlainValue): ModelValue {
  if (value === null || typeof type === 'string' || !Array.isArray(value)) return value as ModelValue // a scalar then
  const items = value as readonly PlainValue[] // isArray widens
  switch (type.kind) {
    case 'struct':
      return structOf(type.fields, items)
    case 'list':
      return items.map((item) => modelOf(type.element, item))
    case 'map':
      return items.map((pair) => {
        const [key = null, inner = null] = pair as readonly PlainValue[] // the entries of a map are pairs
        return [modelOf(type.key, key), modelOf(type.value, inner)]
      })
    default:
      return value as ModelValue // a variant's two parts
  }
}

/** The row as a reader of these fields has to give it. */
export function plainRow(fields: readonly NestedField[], row: ModelStruct): PlainValue[] {
  return fields.map((field) => {
    const value = row.get(field.id)
    if (value !== undefined) return plain(field.type, value)
    return (field.initialDefault ?? null) as PlainValue // the defaults of a model are plain
  })
}

function plain(type: Type, value: ModelValue): PlainValue {
  if (value === null) return null
  if (type === 'long' || type === 'timestamp' || type === 'timestamp_ns') {
    if (typeof value !== 'number') return value as bigint
    const perDay = type === 'timestamp' ? 86_400_000_000n : 86_400_000_000_000n
    return type === 'long' ? BigInt(value) : BigInt(value) * perDay
  }
  if (typeof type === 'string') return value as PlainValue // a scalar
  switch (type.kind) {
    case 'struct':
      return plainRow(type.fields, value as ModelStruct)
    case 'list':
      return (value as readonly ModelValue[]).map((item) => plain(type.element, item))
    case 'map':
      return (value as readonly (readonly ModelValue[])[]).map(([key = null, inner = null]) => [
        plain(type.key, key),
        plain(type.value, inner),
      ])
    default:
      return value as PlainValue // a scalar, or a variant's two parts
  }
}

/** Columns that are no part of a list or map, with their paths. */
export function leaves(fields: readonly NestedField[], path: readonly NestedField[] = []): (readonly NestedField[])[] {
  return fields.flatMap((field) => {
    const { type } = field
    const own = [...path, field]
    if (typeof type !== 'string' && type.kind === 'struct') return leaves(type.fields, own)
    if (typeof type !== 'string' && (type.kind === 'list' || type.kind === 'map')) return []
    return [own]
  })
}

export const dotted = (path: readonly NestedField[]): string => path.map(({ name }) => name).join('.')

/** The value at a path of a row, as the last field of the path has it. */
export function valueAt(path: readonly NestedField[], row: ModelStruct): PlainValue {
  const [field, ...rest] = path
  if (field === undefined) throw new TypeError('a path has a field')
  const value = row.get(field.id)
  if (rest.length === 0) return plainRow([field], row)[0] ?? null
  return value === null || value === undefined ? null : valueAt(rest, value as ModelStruct) // all but the last are structs
}
