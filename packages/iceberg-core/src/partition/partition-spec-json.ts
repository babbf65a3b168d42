import type { JsonFields } from '../json/json-fields.ts'
import type { JsonObject } from '../json/json-value.ts'
import { firstPartitionFieldId, type PartitionField, type PartitionSpec } from './partition-spec.ts'
import { formatTransform, parseTransform, type Transform } from './transform.ts'

/** @see https://iceberg.apache.org/spec/#partition-specs */
export function partitionSpecToJson(spec: PartitionSpec): JsonObject {
  return { 'spec-id': spec.specId, fields: partitionFieldsToJson(spec), ...spec.unknownFields }
}

/** Only the list of fields, as version 1 metadata and manifest files hold it. */
export function partitionFieldsToJson(spec: PartitionSpec): JsonObject[] {
  return spec.fields.map((field) => ({
    ...sourcesToJson(field.sourceIds),
    'field-id': field.fieldId,
    name: field.name,
    transform: formatTransform(field.transform),
    ...field.unknownFields,
  }))
}

export function partitionSpecFromJson(fields: JsonFields): PartitionSpec {
  return {
    specId: fields.int('spec-id'),
    fields: fields.objects('fields', (field) => field).map(partitionFieldFromJson),
    ...fields.unknown(),
  }
}

/** Version 1 fields have no ids: they count up from 1000. */
export function partitionFieldFromJson(fields: JsonFields, index: number): PartitionField {
  const sourceIds = sourcesFromJson(fields)
  return {
    sourceIds,
    fieldId: fields.optionalInt('field-id') ?? firstPartitionFieldId + index,
    name: fields.string('name'),
    transform: transformFromJson(fields, sourceIds),
    ...fields.unknown(),
  }
}

/** Every transform that is known takes one source: of several it is an unknown one, whatever its name. */
export function transformFromJson(fields: JsonFields, sourceIds: readonly number[]): Transform {
  const text = fields.string('transform')
  return sourceIds.length === 1 ? parseTransform(text) : { kind: 'unknown', text }
}

/** One source is written as `source-id`, several as `source-ids`. */
export function sourcesToJson(sourceIds: readonly number[]): JsonObject {
  const [only, ...others] = sourceIds
  return only !== undefined && others.length === 0 ? { 'source-id': only } : { 'source-ids': sourceIds }
}

export function sourcesFromJson(fields: JsonFields): readonly number[] {
  const sourceId = fields.optionalInt('source-id')
  if (fields.has('source-ids')) return fields.ints('source-ids')
  if (sourceId === undefined) throw fields.malformed('source-id', 'an integer')
  return [sourceId]
}
