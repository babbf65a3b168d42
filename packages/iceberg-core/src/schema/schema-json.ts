import type { JsonFields, JsonOrigin } from '../json/json-fields.ts'
import type { JsonObject } from '../json/json-value.ts'
import type { Schema } from './schema.ts'
import { fieldFromJson, fieldToJson } from './type-json.ts'

/** @see https://iceberg.apache.org/spec/#schemas */
export function schemaToJson(schema: Schema): JsonObject {
  return {
    type: 'struct',
    'schema-id': schema.schemaId,
    fields: schema.fields.map(fieldToJson),
    ...(schema.identifierFieldIds.length === 0 ? {} : { 'identifier-field-ids': schema.identifierFieldIds }),
    ...schema.unknownFields,
  }
}

/** Version 1 schemas may have no id: they get 0. */
export function schemaFromJson(fields: JsonFields, origin: JsonOrigin): Schema {
  fields.optionalString('type')
  return {
    schemaId: fields.optionalInt('schema-id') ?? 0,
    fields: fields.objects('fields', (field) => fieldFromJson(field, origin)),
    identifierFieldIds: fields.has('identifier-field-ids') ? fields.ints('identifier-field-ids') : [],
    ...fields.unknown(),
  }
}
