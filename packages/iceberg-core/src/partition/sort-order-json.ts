import type { JsonFields } from '../json/json-fields.ts'
import type { JsonObject } from '../json/json-value.ts'
import { sourcesFromJson, sourcesToJson, transformFromJson } from './partition-spec-json.ts'
import type { SortField, SortOrder } from './sort-order.ts'
import { formatTransform } from './transform.ts'

/** @see https://iceberg.apache.org/spec/#sort-orders */
export function sortOrderToJson(order: SortOrder): JsonObject {
  return {
    'order-id': order.orderId,
    fields: order.fields.map((field) => ({
      transform: formatTransform(field.transform),
      ...sourcesToJson(field.sourceIds),
      direction: field.direction,
      'null-order': field.nullOrder,
      ...field.unknownFields,
    })),
    ...order.unknownFields,
  }
}

export function sortOrderFromJson(fields: JsonFields): SortOrder {
  return {
    orderId: fields.int('order-id'),
    fields: fields.objects('fields', sortFieldFromJson),
    ...fields.unknown(),
  }
}

function sortFieldFromJson(fields: JsonFields): SortField {
  const direction = fields.string('direction').toLowerCase()
  const nullOrder = fields.string('null-order').toLowerCase()
  if (direction !== 'asc' && direction !== 'desc') throw fields.malformed('direction', 'asc or desc')
  if (nullOrder !== 'nulls-first' && nullOrder !== 'nulls-last') {
    throw fields.malformed('null-order', 'nulls-first or nulls-last')
  }
  const sourceIds = sourcesFromJson(fields)
  return {
    transform: transformFromJson(fields, sourceIds),
    sourceIds,
    direction,
    nullOrder,
    ...fields.unknown(),
  }
}
