import {
  IcebergError,
  isJsonArray,
  isJsonObject,
  partitionSpecToJson,
  schemaToJson,
  sortOrderToJson,
  tableMetadataFromJson,
  tableRequirementToJson,
  tableUpdateToJson,
  type CreateTable,
  type JsonObject,
  type JsonValue,
  type TableCommit,
  type TableIdentifier,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import type { StorageCredential } from './storage-credentials.ts'

/** The server's answer to `GET /v1/config`. */
export interface ServerConfig {
  readonly defaults: Readonly<Record<string, string>>
  readonly overrides: Readonly<Record<string, string>>
  /** `undefined`: the server does not say. */
  readonly endpoints: readonly string[] | undefined
  /** The server knows a request by its key when it is sent again. */
  readonly takesIdempotencyKeys: boolean
}

/** A table as the server sends it. */
export interface LoadResult {
  readonly metadata: TableMetadata
  readonly metadataLocation: string
  readonly config: Readonly<Record<string, string>>
  readonly credentials: readonly StorageCredential[]
}

export function configFromJson(body: JsonValue | undefined): ServerConfig {
  const fields = object(body, 'the configuration')
  const endpoints = fields['endpoints']
  return {
    defaults: strings(fields['defaults'], 'defaults'),
    overrides: strings(fields['overrides'], 'overrides'),
    endpoints: isPresent(endpoints) ? array(endpoints, 'endpoints').map(String) : undefined,
    takesIdempotencyKeys: typeof fields['idempotency-key-lifetime'] === 'string',
  }
}

/** A page of namespaces, and the token of the next one. */
export function namespacesFromJson(body: JsonValue | undefined): Page<readonly string[]> {
  const fields = object(body, 'the list of namespaces')
  return { items: array(fields['namespaces'], 'namespaces').map(namespaceFromJson), next: nextPage(fields) }
}

/** A page of tables, and the token of the next one. */
export function tablesFromJson(body: JsonValue | undefined): Page<TableIdentifier> {
  const fields = object(body, 'the list of tables')
  const items = array(fields['identifiers'], 'identifiers').map((value) => {
    const { namespace, name } = object(value, 'identifiers')
    if (typeof name !== 'string') throw malformed('identifiers.name')
    return { namespace: namespaceFromJson(namespace), name }
  })
  return { items, next: nextPage(fields) }
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | undefined
}

export function namespacePropertiesFromJson(body: JsonValue | undefined): Readonly<Record<string, string>> {
  return strings(object(body, 'the namespace')['properties'], 'properties')
}

/**
 * @throws IcebergError `unsupported-operation` when the server restricts which rows or columns may be read: a client that cannot
 * hold to that must not read.
 */
export function loadResultFromJson(body: JsonValue | undefined, table: string): LoadResult {
  const fields = object(body, 'the table')
  const metadataLocation = fields['metadata-location']
  if (typeof metadataLocation !== 'string') throw malformed('metadata-location')
  refuseRestrictions(fields['read-restrictions'], table)
  return {
    metadata: metadataFromJson(fields, metadataLocation),
    metadataLocation,
    config: strings(fields['config'], 'config'),
    credentials: credentialsFromJson(fields),
  }
}

/** The answer to a commit: the table's new state. */
export function commitResultFromJson(body: JsonValue | undefined): Pick<LoadResult, 'metadata' | 'metadataLocation'> {
  const fields = object(body, 'the committed table')
  const metadataLocation = fields['metadata-location']
  if (typeof metadataLocation !== 'string') throw malformed('metadata-location')
  return { metadata: metadataFromJson(fields, metadataLocation), metadataLocation }
}

export function credentialsFromJson(body: JsonValue | undefined): readonly StorageCredential[] {
  const { 'storage-credentials': credentials } = object(body, 'the credentials')
  if (!isPresent(credentials)) return []
  return array(credentials, 'storage-credentials').map((value) => {
    const { prefix, config } = object(value, 'storage-credentials')
    if (typeof prefix !== 'string') throw malformed('storage-credentials.prefix')
    return { prefix, config: strings(config, 'storage-credentials.config') }
  })
}

export function createTableToJson(name: string, create: CreateTable): JsonObject {
  const { schema, partitionSpec, sortOrder, location, properties, formatVersion } = create
  return {
    name,
    schema: schemaToJson(schema),
    ...(location === undefined ? {} : { location }),
    ...(partitionSpec === undefined ? {} : { 'partition-spec': partitionSpecToJson(partitionSpec) }),
    ...(sortOrder === undefined ? {} : { 'write-order': sortOrderToJson(sortOrder) }),
    'stage-create': false,
    // Servers take the version from this reserved property, and do not keep it.
    properties: { 'format-version': String(formatVersion ?? 2), ...properties },
  }
}

export function commitToJson(identifier: TableIdentifier, commit: TableCommit): JsonObject {
  return {
    identifier: identifierToJson(identifier),
    requirements: commit.requirements.map(tableRequirementToJson),
    updates: commit.updates.map(tableUpdateToJson),
  }
}

export function identifierToJson({ namespace, name }: TableIdentifier): JsonObject {
  return { namespace, name }
}

function metadataFromJson(fields: JsonObject, file: string): TableMetadata {
  const { metadata } = fields
  if (!isPresent(metadata)) throw malformed('metadata')
  return tableMetadataFromJson(metadata, { code: 'malformed-metadata', file })
}

function refuseRestrictions(restrictions: JsonValue | undefined, table: string): void {
  if (!isPresent(restrictions)) return
  const { 'required-column-projections': columns, 'required-row-filter': filter } = object(
    restrictions,
    'read-restrictions',
  )
  const filterType = isPresent(filter) && isJsonObject(filter) ? filter['type'] : filter
  const isAlwaysTrue = !isPresent(filter) || filter === true || filterType === 'true'
  if (!isPresent(columns) && isAlwaysTrue) return
  throw new IcebergError('unsupported-operation', `The catalog restricts what may be read of ${table}`, {
    context: { table },
    hint: 'icebridge cannot hold to row filters and column masks. Use an account that may read the whole table.',
  })
}

function nextPage(fields: JsonObject): string | undefined {
  const token = fields['next-page-token']
  return typeof token === 'string' && token !== '' ? token : undefined
}

function namespaceFromJson(value: JsonValue | undefined): readonly string[] {
  return array(value, 'namespace').map((level) => {
    if (typeof level !== 'string') throw malformed('namespace')
    return level
  })
}

function strings(value: JsonValue | undefined, what: string): Readonly<Record<string, string>> {
  if (!isPresent(value)) return {}
  const entries: [string, string][] = []
  for (const [key, member] of Object.entries(object(value, what))) {
    if (member === null) continue
    if (typeof member === 'object') throw malformed(`${what}.${key}`)
    entries.push([key, String(member)])
  }
  return Object.fromEntries(entries)
}

function object(value: JsonValue | undefined, what: string): JsonObject {
  if (value !== undefined && isJsonObject(value)) return value
  throw malformed(what)
}

function array(value: JsonValue | undefined, what: string): readonly JsonValue[] {
  if (value !== undefined && isJsonArray(value)) return value
  throw malformed(what)
}

function isPresent(value: JsonValue | undefined): value is Exclude<JsonValue, null> {
  return value !== undefined && value !== null
}

function malformed(field: string): IcebergError {
  return new IcebergError('malformed-json', `The catalog's answer is not one of the REST catalog spec: ${field}`, {
    context: { field },
    hint: 'Check that the address is that of an Iceberg REST catalog.',
  })
}
