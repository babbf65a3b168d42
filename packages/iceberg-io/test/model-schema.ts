import { isPrimitive, type NestedField, type Type } from '@icebridge/iceberg-core'
import type { Dice } from './model-rows.ts'

/** Structs of the schema, those in lists and maps as well, but not in keys. */
export function structsOf(
  fields: readonly NestedField[],
  path: string,
): { readonly path: string; readonly fields: readonly NestedField[] }[] {
  const within = (type: Type, at: string): ReturnType<typeof structsOf> => {
    if (typeof type === 'string') return []
    if (type.kind === 'struct') return structsOf(type.fields, at)
    if (type.kind === 'list') return within(type.element, `${at}.element`)
    return type.kind === 'map' ? within(type.value, `${at}.value`) : []
  }
  return [{ path, fields }, ...fields.flatMap(({ name, type }) => within(type, path === '' ? name : `${path}.${name}`))]
}

/** Whether rows are told apart and put in order by it. */
export function comparable(type: Type): boolean {
  if (!isPrimitive(type) || type === 'float' || type === 'double' || type === 'unknown') return false
  return typeof type === 'string' || type.kind === 'decimal' || type.kind === 'fixed'
}

export function widerThan(dice: Dice, type: Type, version: number): Type | undefined {
  if (type === 'int') return 'long'
  if (type === 'float') return 'double'
  if (type === 'date' && version === 3) return 'timestamp'
  if (type === 'unknown') return dice.pick<Type>(['string', 'double', { kind: 'decimal', precision: 9, scale: 2 }])
  if (typeof type === 'object' && type.kind === 'decimal' && type.precision < 38) {
    return { ...type, precision: type.precision + 1 + dice.below(38 - type.precision) }
  }
  return undefined
}

/** A default whose JSON form is the plain value as well. */
export function defaultOf(type: Type): unknown {
  if (type === 'int') return -7
  if (type === 'boolean') return true
  if (type === 'string') return 'dé\u{1f9ca}'
  if (type === 'double' || type === 'float') return 0.5
  return undefined
}
