import type { Schema } from './schema.ts'
import { isPrimitive, type NestedField, type Type } from './type.ts'

/** A schema with fresh ids, and what each old id became. */
export interface FreshSchema {
  readonly schema: Schema
  readonly lastColumnId: number
  readonly newIds: ReadonlyMap<number, number>
}

/**
 * Numbers all fields from `firstId` on, the fields of a struct before what is nested in them, as every other
 * implementation does. Identifier fields follow.
 */
export function assignFreshIds(schema: Schema, firstId = 1): FreshSchema {
  const ids = new IdAssigner(firstId)
  const fields = ids.fields(schema.fields)
  return {
    schema: {
      ...schema,
      fields,
      identifierFieldIds: schema.identifierFieldIds.map((id) => ids.newIds.get(id) ?? id),
    },
    lastColumnId: ids.next - 1,
    newIds: ids.newIds,
  }
}

/** A field and everything in it with fresh ids from `firstId` on. */
export function assignFreshFieldIds(
  field: NestedField,
  firstId: number,
): { readonly field: NestedField; readonly lastColumnId: number } {
  const ids = new IdAssigner(firstId)
  const [fresh = field] = ids.fields([field])
  return { field: fresh, lastColumnId: ids.next - 1 }
}

class IdAssigner {
  next: number
  readonly newIds = new Map<number, number>()

  constructor(firstId: number) {
    this.next = firstId
  }

  fields(fields: readonly NestedField[]): NestedField[] {
    const numbered = fields.map((field) => ({ ...field, id: this.#take(field.id) }))
    return numbered.map((field) => ({ ...field, type: this.#type(field.type) }))
  }

  #take(oldId: number): number {
    const id = this.next++
    if (!this.newIds.has(oldId)) this.newIds.set(oldId, id)
    return id
  }

  #type(type: Type): Type {
    if (isPrimitive(type)) return type
    switch (type.kind) {
      case 'struct':
        return { ...type, fields: this.fields(type.fields) }
      case 'list': {
        const elementId = this.#take(type.elementId)
        return { ...type, elementId, element: this.#type(type.element) }
      }
      case 'map': {
        const keyId = this.#take(type.keyId)
        const valueId = this.#take(type.valueId)
        return { ...type, keyId, valueId, key: this.#type(type.key), value: this.#type(type.value) }
      }
    }
  }
}
