import { IcebergError } from '../errors.ts'
import { acceptsSource } from '../partition/apply-transform.ts'
import { firstPartitionFieldId, type PartitionSpec } from '../partition/partition-spec.ts'
import { type SortOrder, unsorted } from '../partition/sort-order.ts'
import { formatTransform, type Transform } from '../partition/transform.ts'
import type { CreateTable } from '../port/catalog.ts'
import { assignFreshIds } from '../schema/assign-fresh-ids.ts'
import { indexById, type Schema } from '../schema/schema.ts'
import { formatType } from '../schema/type-json.ts'
import { validateSchema } from '../schema/validate-schema.ts'
import type { TableMetadata } from './table-metadata.ts'

/**
 * The first metadata of a new table: fresh field ids from 1, partition field ids from 1000, schema 0, spec 0.
 *
 * @throws IcebergError `invalid-schema` or `unsupported-transform`.
 */
export function createTableMetadata(
  create: CreateTable,
  options: { readonly location: string; readonly tableUuid: string; readonly nowMs: number },
): TableMetadata {
  const formatVersion = create.formatVersion ?? 2
  const fresh = assignFreshIds(create.schema)
  const schema: Schema = { ...fresh.schema, schemaId: 0 }
  validateSchema(schema, formatVersion)
  const newId = (id: number): number => {
    const found = fresh.newIds.get(id)
    if (found === undefined) throw noSource(id)
    return found
  }
  const spec = freshSpec(create.partitionSpec, newId)
  const order = freshOrder(create.sortOrder, newId)
  checkSpec(spec, schema)
  checkOrder(order, schema)
  return {
    formatVersion,
    tableUuid: options.tableUuid,
    location: options.location,
    lastSequenceNumber: 0n,
    lastUpdatedMs: options.nowMs,
    lastColumnId: fresh.lastColumnId,
    schemas: [schema],
    currentSchemaId: 0,
    partitionSpecs: [spec],
    defaultSpecId: 0,
    lastPartitionId: firstPartitionFieldId - 1 + spec.fields.length,
    sortOrders: [order],
    defaultSortOrderId: order.orderId,
    properties: create.properties ?? {},
    snapshots: [],
    snapshotLog: [],
    metadataLog: [],
    refs: {},
    statistics: [],
    partitionStatistics: [],
    ...(formatVersion >= 3 ? { nextRowId: 0n } : {}),
  }
}

/** @throws IcebergError `invalid-argument` or `unsupported-transform` when the spec cannot be written with. */
export function checkSpec(spec: PartitionSpec, schema: Schema): void {
  const names = new Set<string>()
  const byId = indexById(schema)
  for (const field of spec.fields) {
    if (names.has(field.name)) throw badSpec(`partition field ${field.name} is there twice`, field.name)
    names.add(field.name)
    checkSource(field.transform, field.sourceIds, byId, `partition field ${field.name}`)
    const sourceId = field.sourceIds[0] ?? 0
    const clash = schema.fields.find((column) => column.name === field.name)
    const ownColumn = field.transform.kind === 'identity' || field.transform.kind === 'void'
    if (clash !== undefined && !(ownColumn && clash.id === sourceId)) {
      throw badSpec(`partition field ${field.name} has the name of a column`, field.name)
    }
  }
}

/** @throws IcebergError `invalid-argument` or `unsupported-transform` when the order cannot be written with. */
export function checkOrder(order: SortOrder, schema: Schema): void {
  const byId = indexById(schema)
  for (const field of order.fields) checkSource(field.transform, field.sourceIds, byId, 'a sort field')
}

function checkSource(
  transform: Transform,
  sourceIds: readonly number[],
  byId: ReturnType<typeof indexById>,
  what: string,
): void {
  if (transform.kind === 'unknown') {
    throw new IcebergError('unsupported-transform', `${what} has the unknown transform ${transform.text}`, {
      context: { transform: transform.text },
    })
  }
  const [sourceId, ...others] = sourceIds
  if (sourceId === undefined || others.length > 0) throw badSpec(`${what} does not have one source column`, what)
  const source = byId.get(sourceId)
  if (source === undefined) {
    if (transform.kind === 'void') return
    throw noSource(sourceId)
  }
  if (source.repeated || !acceptsSource(transform, source.field.type)) {
    throw new IcebergError(
      'unsupported-transform',
      `${what}: transform ${formatTransform(transform)} does not take column ${source.path} of type ${formatType(source.field.type)}`,
      { context: { column: source.path, transform: formatTransform(transform) } },
    )
  }
}

function freshSpec(spec: PartitionSpec | undefined, newId: (id: number) => number): PartitionSpec {
  return {
    specId: 0,
    fields: (spec?.fields ?? []).map((field, index) => ({
      ...field,
      sourceIds: field.sourceIds.map(newId),
      fieldId: firstPartitionFieldId + index,
    })),
  }
}

function freshOrder(order: SortOrder | undefined, newId: (id: number) => number): SortOrder {
  if (order === undefined || order.fields.length === 0) return unsorted
  return { orderId: 1, fields: order.fields.map((field) => ({ ...field, sourceIds: field.sourceIds.map(newId) })) }
}

function noSource(id: number): IcebergError {
  return badSpec(`the schema has no column with id ${id} to partition or sort by`, String(id))
}

function badSpec(message: string, field: string): IcebergError {
  return new IcebergError('invalid-argument', message, { context: { field } })
}
