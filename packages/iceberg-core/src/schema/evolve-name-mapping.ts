import type { MappedField, NameMapping } from './name-mapping.ts'
import type { Schema } from './schema.ts'
import { isPrimitive, type NestedField, type Type } from './type.ts'

/**
 * The name mapping after a change of schema. A renamed field keeps its old names, by which old files know it, and gets
 * the new one; a new field gets its own name, which no other field of its struct has any longer.
 *
 * @see https://iceberg.apache.org/spec/#column-projection
 */
export function evolveNameMapping(mapping: NameMapping, before: Schema, after: Schema): NameMapping {
  return mapFields(mapping, before.fields, after.fields)
}

type Child = Pick<NestedField, 'id' | 'name' | 'type'>

function mapFields(mapping: NameMapping, before: readonly Child[], after: readonly Child[]): MappedField[] {
  const oldFields = new Map(before.map((field) => [field.id, field]))
  const taken = new Map<string, number>()
  for (const field of after) if (oldFields.get(field.id)?.name !== field.name) taken.set(field.name, field.id)
  const result = mapping.map((mapped): MappedField => {
    const names = mapped.names.filter((name) => (taken.get(name) ?? mapped.fieldId) === mapped.fieldId)
    const field = after.find((candidate) => candidate.id === mapped.fieldId)
    if (field === undefined) return { ...mapped, names }
    return {
      ...mapped,
      names: names.includes(field.name) || !taken.has(field.name) ? names : [...names, field.name],
      fields: mapFields(mapped.fields, childrenOf(oldFields.get(field.id)?.type), childrenOf(field.type)),
    }
  })
  for (const field of after) {
    if (oldFields.has(field.id) || result.some((mapped) => mapped.fieldId === field.id)) continue
    result.push({ names: [field.name], fieldId: field.id, fields: mapFields([], [], childrenOf(field.type)) })
  }
  return result
}

function childrenOf(type: Type | undefined): readonly Child[] {
  if (type === undefined || isPrimitive(type)) return []
  switch (type.kind) {
    case 'struct':
      return type.fields
    case 'list':
      return [{ id: type.elementId, name: 'element', type: type.element }]
    case 'map':
      return [
        { id: type.keyId, name: 'key', type: type.key },
        { id: type.valueId, name: 'value', type: type.value },
      ]
  }
}
