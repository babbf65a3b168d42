import { JsonFields, type JsonOrigin } from '../json/json-fields.ts'
import type { JsonObject } from '../json/json-value.ts'
import { isJsonArray, parseJsonLossless, stringifyJsonLossless } from '../json/lossless-json.ts'

/** The table property that holds a name mapping. */
export const nameMappingProperty = 'schema.name-mapping.default'

/** Names under which a field may appear in data files that carry no field ids. */
export interface MappedField {
  readonly names: readonly string[]
  /** Absent for a field that the table does not have. */
  readonly fieldId?: number
  readonly fields: readonly MappedField[]
}

export type NameMapping = readonly MappedField[]

/**
 * Reads the property `schema.name-mapping.default`.
 *
 * @throws IcebergError `malformed-metadata` or `malformed-json`.
 * @see https://iceberg.apache.org/spec/#name-mapping-serialization
 */
export function parseNameMapping(text: string): NameMapping {
  const origin: JsonOrigin = { code: 'malformed-metadata', file: undefined }
  const json = parseJsonLossless(text)
  if (!isJsonArray(json)) throw JsonFields.of({}, nameMappingProperty, origin).malformed('', 'a list')
  return json.map((value, index) => fromJson(JsonFields.of(value, `${nameMappingProperty}[${index}]`, origin)))
}

export function serializeNameMapping(mapping: NameMapping): string {
  return stringifyJsonLossless(mapping.map(toJson))
}

function fromJson(fields: JsonFields): MappedField {
  const fieldId = fields.optionalInt('field-id')
  return {
    names: fields.strings('names'),
    ...(fieldId === undefined ? {} : { fieldId }),
    fields: fields.optionalObjects('fields', fromJson) ?? [],
  }
}

function toJson(field: MappedField): JsonObject {
  return {
    ...(field.fieldId === undefined ? {} : { 'field-id': field.fieldId }),
    names: field.names,
    ...(field.fields.length === 0 ? {} : { fields: field.fields.map(toJson) }),
  }
}
