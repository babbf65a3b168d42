import { gunzipSync } from 'node:zlib'
import { IcebergError } from '../errors.ts'
import { JsonFields, type JsonOrigin } from '../json/json-fields.ts'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { isJsonObject, parseJsonLossless, stringifyJsonLossless } from '../json/lossless-json.ts'
import {
  partitionFieldFromJson,
  partitionFieldsToJson,
  partitionSpecFromJson,
  partitionSpecToJson,
} from '../partition/partition-spec-json.ts'
import { firstPartitionFieldId, type PartitionSpec } from '../partition/partition-spec.ts'
import { sortOrderFromJson, sortOrderToJson } from '../partition/sort-order-json.ts'
import { type SortOrder, unsorted } from '../partition/sort-order.ts'
import { schemaFromJson, schemaToJson } from '../schema/schema-json.ts'
import { highestFieldId, type Schema } from '../schema/schema.ts'
import { snapshotFromJson, snapshotRefFromJson, snapshotRefToJson, snapshotToJson } from './snapshot-json.ts'
import { mainBranch, type SnapshotRef } from './snapshot.ts'
import {
  currentSchema,
  defaultSpec,
  type FormatVersion,
  type SnapshotLogEntry,
  type TableMetadata,
} from './table-metadata.ts'

const damagedHint =
  'The metadata file is damaged or was written by a faulty tool. Restore it, or point the catalog at an earlier metadata file of the table.'

/** What a compressed file may grow to: 200 times its size, or 64 MiB, but no more than a JavaScript string holds. */
function maxTextBytes(compressed: Uint8Array): number {
  return Math.min(0x1fffffe8, Math.max(64 * 1024 * 1024, 200 * compressed.length))
}

/**
 * Reads a metadata file of format version 1, 2 or 3, plain or gzip-compressed.
 *
 * `file` is for messages. @throws IcebergError `malformed-metadata` naming file and field, `unsupported-format-version`,
 * `unsupported-type`.
 */
export function parseTableMetadata(
  text: string | Uint8Array,
  options: { readonly file?: string | undefined } = {},
): TableMetadata {
  const origin: JsonOrigin = { code: 'malformed-metadata', file: options.file, hint: damagedHint }
  let json: JsonValue
  try {
    json = parseJsonLossless(typeof text === 'string' ? text : decodeMetadataText(text))
  } catch (cause) {
    const where = options.file === undefined ? 'table metadata' : `table metadata ${options.file}`
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new IcebergError('malformed-metadata', `${where} cannot be read: ${reason}`, {
      context: { file: options.file },
      hint: damagedHint,
      cause,
    })
  }
  return tableMetadataFromJson(json, origin)
}

/** The metadata as the JSON text of its own format version. */
export function serializeTableMetadata(metadata: TableMetadata): string {
  const { snapshots, snapshotLog, formatVersion } = metadata
  // By far the most of it, and all but the last one are the same at every commit.
  const {
    snapshots: _,
    'snapshot-log': _log,
    ...rest
  } = tableMetadataToJson({
    ...metadata,
    snapshots: [],
    snapshotLog: [],
  })
  const kept = formatVersion === 1 ? keptTexts.v1 : keptTexts.v2
  const snapshotTexts = snapshots.map((snapshot) => kept.of(snapshot, (one) => snapshotToJson(one, formatVersion)))
  const logTexts = snapshotLog.map((entry) => kept.of(entry, logEntryToJson))
  const members = stringifyJsonLossless(rest).slice(0, -1)
  return `${members},"snapshots":[${snapshotTexts.join(',')}],"snapshot-log":[${logTexts.join(',')}]}`
}

/** JSON texts of objects that never change, for as long as the objects are there. */
class KeptTexts {
  readonly #texts = new WeakMap<object, string>()

  of<T extends object>(value: T, toJson: (value: T) => JsonObject): string {
    let text = this.#texts.get(value)
    if (text === undefined) this.#texts.set(value, (text = stringifyJsonLossless(toJson(value))))
    return text
  }
}

/** Version 1 writes snapshots without sequence numbers. */
const keptTexts = { v1: new KeptTexts(), v2: new KeptTexts() }

function logEntryToJson(entry: SnapshotLogEntry): JsonObject {
  return { 'timestamp-ms': entry.timestampMs, 'snapshot-id': entry.snapshotId, ...entry.unknownFields }
}

/** Metadata from parsed JSON, as a REST catalog's answers hold it. @throws IcebergError `malformed-metadata`. */
export function tableMetadataFromJson(
  json: JsonValue,
  origin: JsonOrigin = { code: 'malformed-metadata', file: undefined, hint: damagedHint },
): TableMetadata {
  const fields = JsonFields.of(json, '', origin)
  const formatVersion = readFormatVersion(fields, origin)
  const { schemas, currentSchemaId } = readSchemas(fields, origin)
  const { partitionSpecs, defaultSpecId } = readSpecs(fields)
  const { sortOrders, defaultSortOrderId } = readSortOrders(fields)
  const refs = readRefs(fields)
  const currentSnapshotId = readCurrentSnapshotId(fields, refs)
  const snapshots = fields.optionalObjects('snapshots', snapshotFromJson) ?? []
  if (currentSnapshotId !== undefined && !snapshots.some((snapshot) => snapshot.snapshotId === currentSnapshotId)) {
    throw fields.malformed('current-snapshot-id', 'the id of one of the snapshots')
  }
  if (currentSnapshotId !== undefined && !Object.hasOwn(refs, mainBranch)) {
    refs[mainBranch] = { snapshotId: currentSnapshotId, type: 'branch' }
  }
  const highestPartitionId = partitionSpecs
    .flatMap((spec) => spec.fields.map((field) => field.fieldId))
    .reduce((highest, id) => Math.max(highest, id), firstPartitionFieldId - 1)
  const tableUuid = fields.optionalString('table-uuid') ?? ''
  if (tableUuid === '' && formatVersion > 1) throw fields.malformed('table-uuid', 'a string')
  const nextRowId = fields.optionalLong('next-row-id') ?? (formatVersion >= 3 ? 0n : undefined)
  const encryptionKeys = readRawObjects(fields, 'encryption-keys')
  return {
    formatVersion,
    tableUuid,
    location: stripTrailingSlash(fields.string('location')),
    lastSequenceNumber: fields.optionalLong('last-sequence-number') ?? 0n,
    lastUpdatedMs: fields.safeInteger('last-updated-ms'),
    lastColumnId:
      fields.optionalInt('last-column-id') ?? schemas.map(highestFieldId).reduce((a, b) => Math.max(a, b), 0),
    schemas,
    currentSchemaId,
    partitionSpecs,
    defaultSpecId,
    lastPartitionId: fields.optionalInt('last-partition-id') ?? highestPartitionId,
    sortOrders,
    defaultSortOrderId,
    properties: fields.has('properties') ? fields.stringMap('properties') : {},
    ...(currentSnapshotId === undefined ? {} : { currentSnapshotId }),
    snapshots,
    snapshotLog:
      fields.optionalObjects('snapshot-log', (entry) => ({
        timestampMs: entry.safeInteger('timestamp-ms'),
        snapshotId: entry.long('snapshot-id'),
        ...entry.unknown(),
      })) ?? [],
    metadataLog:
      fields.optionalObjects('metadata-log', (entry) => ({
        timestampMs: entry.safeInteger('timestamp-ms'),
        metadataFile: entry.string('metadata-file'),
        ...entry.unknown(),
      })) ?? [],
    refs,
    statistics: readRawObjects(fields, 'statistics') ?? [],
    partitionStatistics: readRawObjects(fields, 'partition-statistics') ?? [],
    ...(nextRowId === undefined ? {} : { nextRowId }),
    ...(encryptionKeys === undefined ? {} : { encryptionKeys }),
    ...fields.unknown(),
  }
}

export function tableMetadataToJson(metadata: TableMetadata): JsonObject {
  const v1 = metadata.formatVersion === 1
  return {
    'format-version': metadata.formatVersion,
    ...(metadata.tableUuid === '' ? {} : { 'table-uuid': metadata.tableUuid }),
    location: metadata.location,
    ...(v1 ? {} : { 'last-sequence-number': metadata.lastSequenceNumber }),
    'last-updated-ms': metadata.lastUpdatedMs,
    'last-column-id': metadata.lastColumnId,
    ...(v1 ? { schema: schemaToJson(currentSchema(metadata)) } : {}),
    'current-schema-id': metadata.currentSchemaId,
    schemas: metadata.schemas.map(schemaToJson),
    ...(v1 ? { 'partition-spec': partitionFieldsToJson(defaultSpec(metadata)) } : {}),
    'default-spec-id': metadata.defaultSpecId,
    'partition-specs': metadata.partitionSpecs.map(partitionSpecToJson),
    'last-partition-id': metadata.lastPartitionId,
    'default-sort-order-id': metadata.defaultSortOrderId,
    'sort-orders': metadata.sortOrders.map(sortOrderToJson),
    properties: metadata.properties,
    // Absent, not -1 or null, where there is none: that is what every reader takes.
    ...(metadata.currentSnapshotId === undefined ? {} : { 'current-snapshot-id': metadata.currentSnapshotId }),
    ...(metadata.nextRowId === undefined ? {} : { 'next-row-id': metadata.nextRowId }),
    ...(metadata.encryptionKeys === undefined ? {} : { 'encryption-keys': metadata.encryptionKeys }),
    refs: Object.fromEntries(Object.entries(metadata.refs).map(([name, ref]) => [name, snapshotRefToJson(ref)])),
    snapshots: metadata.snapshots.map((snapshot) => snapshotToJson(snapshot, metadata.formatVersion)),
    statistics: metadata.statistics,
    'partition-statistics': metadata.partitionStatistics,
    'snapshot-log': metadata.snapshotLog.map(logEntryToJson),
    'metadata-log': metadata.metadataLog.map((entry) => ({
      'timestamp-ms': entry.timestampMs,
      'metadata-file': entry.metadataFile,
      ...entry.unknownFields,
    })),
    ...metadata.unknownFields,
  }
}

/** The text of a metadata file, plain or gzip-compressed. @throws RangeError or TypeError for damaged or endless data. */
export function decodeMetadataText(bytes: Uint8Array): string {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  const plain = isGzip ? gunzipSync(bytes, { maxOutputLength: maxTextBytes(bytes) }) : bytes
  return new TextDecoder('utf-8', { fatal: true }).decode(plain)
}

function readFormatVersion(fields: JsonFields, origin: JsonOrigin): FormatVersion {
  const version = fields.int('format-version')
  if (version === 1 || version === 2 || version === 3) return version
  throw new IcebergError('unsupported-format-version', `table format version ${version} is not supported`, {
    context: { file: origin.file, formatVersion: version },
    hint: 'Format versions 1, 2 and 3 are read. Use a newer version of this package for newer tables.',
  })
}

function readSchemas(fields: JsonFields, origin: JsonOrigin): { schemas: readonly Schema[]; currentSchemaId: number } {
  const listed = fields.optionalObjects('schemas', (schema) => schemaFromJson(schema, origin)) ?? []
  const single = fields.has('schema') ? schemaFromJson(fields.object('schema'), origin) : undefined
  const declared = fields.optionalInt('current-schema-id')
  if (listed.length === 0) {
    if (single === undefined) throw fields.malformed('schemas', 'a list of schemas')
    return { schemas: [single], currentSchemaId: single.schemaId }
  }
  const currentSchemaId = declared ?? single?.schemaId
  if (currentSchemaId === undefined || !listed.some((schema) => schema.schemaId === currentSchemaId)) {
    throw fields.malformed('current-schema-id', 'the id of one of the schemas')
  }
  return { schemas: listed, currentSchemaId }
}

function readSpecs(fields: JsonFields): { partitionSpecs: readonly PartitionSpec[]; defaultSpecId: number } {
  const listed = fields.optionalObjects('partition-specs', partitionSpecFromJson) ?? []
  const single = fields.optionalObjects('partition-spec', (field) => field)?.map(partitionFieldFromJson)
  const declared = fields.optionalInt('default-spec-id')
  if (listed.length === 0) {
    if (single === undefined) throw fields.malformed('partition-specs', 'a list of partition specs')
    return { partitionSpecs: [{ specId: 0, fields: single }], defaultSpecId: 0 }
  }
  const defaultSpecId = declared ?? listed.map((spec) => spec.specId).reduce((a, b) => Math.max(a, b))
  if (!listed.some((spec) => spec.specId === defaultSpecId)) {
    throw fields.malformed('default-spec-id', 'the id of one of the partition specs')
  }
  return { partitionSpecs: listed, defaultSpecId }
}

function readSortOrders(fields: JsonFields): { sortOrders: readonly SortOrder[]; defaultSortOrderId: number } {
  const listed = fields.optionalObjects('sort-orders', sortOrderFromJson) ?? []
  const defaultSortOrderId = fields.optionalInt('default-sort-order-id') ?? 0
  if (listed.some((order) => order.orderId === defaultSortOrderId)) return { sortOrders: listed, defaultSortOrderId }
  if (defaultSortOrderId !== 0) throw fields.malformed('default-sort-order-id', 'the id of one of the sort orders')
  return { sortOrders: [unsorted, ...listed], defaultSortOrderId }
}

function readRefs(fields: JsonFields): Record<string, SnapshotRef> {
  if (!fields.has('refs')) return {}
  const refs = fields.object('refs')
  return Object.fromEntries(
    Object.keys(fields.rawObject('refs')).map((name) => [name, snapshotRefFromJson(refs.object(name))]),
  )
}

/** -1 and null have been written for "none"; a table whose only trace of a head is `refs.main` has that head. */
function readCurrentSnapshotId(fields: JsonFields, refs: Readonly<Record<string, SnapshotRef>>): bigint | undefined {
  const listed = fields.optionalLong('current-snapshot-id')
  const main = Object.hasOwn(refs, mainBranch) ? refs[mainBranch]?.snapshotId : undefined
  if (listed === undefined || listed === -1n) return main
  if (main !== undefined && main !== listed) {
    throw fields.malformed('current-snapshot-id', 'the snapshot that the branch main names')
  }
  return listed
}

function readRawObjects(fields: JsonFields, key: string): JsonObject[] | undefined {
  return fields.optionalArray(key)?.map((value) => {
    if (!isJsonObject(value)) throw fields.malformed(key, 'a list of objects')
    return value
  })
}

function stripTrailingSlash(location: string): string {
  return location.length > 1 && location.endsWith('/') && !location.endsWith('://') ? location.slice(0, -1) : location
}
