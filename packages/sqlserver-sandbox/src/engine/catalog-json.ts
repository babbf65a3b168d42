import type { SqlType } from '../session.ts'
import type { AliasType, Catalog, Check, Column, Database, ForeignKey, Index, Schema, Table } from './catalog.ts'

/**
 * What a durable engine keeps about its catalog: one record for each thing, so that transactions that change different things
 * write different records. 64-bit numbers stand as decimal strings.
 */
export type CatalogRecord =
  | { readonly kind: 'format'; readonly version: number }
  | {
      readonly kind: 'ids'
      readonly object: number
      readonly database: number
      readonly schema: number
      readonly type: number
    }
  | DatabaseRecord
  | { readonly kind: 'rowversion'; readonly database: number; readonly last: string }
  | { readonly kind: 'schema'; readonly database: number; readonly id: number; readonly name: string }
  | TypeRecord
  | TableRecord
  | { readonly kind: 'identity'; readonly table: number; readonly last: string | null }

export interface DatabaseRecord {
  readonly kind: 'database'
  readonly id: number
  readonly name: string
  readonly collation: string
  readonly snapshotIsolation: boolean
  readonly readCommittedSnapshot: boolean
}

export interface TypeRecord {
  readonly kind: 'type'
  readonly database: number
  readonly schema: string
  readonly id: number
  readonly name: string
  readonly type: SqlType
  readonly nullable: boolean
}

interface ColumnRecord {
  readonly id: number
  readonly name: string
  readonly type: SqlType
  readonly alias?: number
  readonly nullable: boolean
  readonly collation?: string
  readonly identity?: { readonly seed: string; readonly increment: string }
  readonly computed?: { readonly text: string; readonly persisted: boolean }
  readonly default?: { readonly name: string; readonly text: string; readonly objectId: number }
  readonly sparse: boolean
  readonly rowGuid: boolean
}

export interface TableRecord {
  readonly kind: 'table'
  readonly database: number
  readonly schema: string
  readonly objectId: number
  readonly name: string
  readonly columns: readonly ColumnRecord[]
  readonly indexes: readonly Index[]
  readonly foreignKeys: readonly ForeignKey[]
  readonly checks: readonly Check[]
  readonly nextColumnId: number
}

/** The record's key: a later record of a key replaces the earlier one. */
export type CatalogKey =
  | 'format'
  | 'ids'
  | `database ${number}`
  | `rowversion ${number}`
  | `schema ${number} ${number}`
  | `type ${number} ${number}`
  | `table ${number}`
  | `identity ${number}`

/** The present state of what a key names; undefined when it is gone. */
export function recordOf(catalog: Catalog, key: CatalogKey): CatalogRecord | undefined {
  const [kind, first, second] = key.split(' ')
  const id = Number(first)
  if (kind === 'format') return { kind: 'format', version: 1 }
  if (kind === 'ids') return { kind: 'ids', ...catalog.ids }
  if (kind === 'table' || kind === 'identity') {
    const table = catalog.tableById(id)
    if (table === undefined) return undefined
    if (kind === 'table') return tableRecord(table)
    return { kind: 'identity', table: id, last: table.identityLast?.toString() ?? null }
  }
  const database = [...catalog.databases.values()].find((d) => d.id === id)
  if (database === undefined) return undefined
  switch (kind) {
    case 'database':
      return databaseRecord(database)
    case 'rowversion':
      return { kind: 'rowversion', database: id, last: database.rowversion.toString() }
    case 'schema': {
      const schema = [...database.schemas.values()].find((s) => s.id === Number(second))
      return schema === undefined ? undefined : { kind: 'schema', database: id, id: schema.id, name: schema.name }
    }
    default: {
      const type = [...database.schemas.values()]
        .flatMap((s) => [...s.types.values()])
        .find((t) => t.id === Number(second))
      return type === undefined ? undefined : { kind: 'type', database: id, ...type }
    }
  }
}

function databaseRecord(database: Database): DatabaseRecord {
  const { id, name, collation, snapshotIsolation, readCommittedSnapshot } = database
  return { kind: 'database', id, name, collation, snapshotIsolation, readCommittedSnapshot }
}

function tableRecord(table: Table): TableRecord {
  const { objectId, name, indexes, foreignKeys, checks, nextColumnId } = table
  const columns = table.columns.map(columnRecord)
  const place = { database: table.database.id, schema: table.schema.name }
  return { kind: 'table', ...place, objectId, name, columns, indexes, foreignKeys, checks, nextColumnId }
}

function columnRecord(column: Column): ColumnRecord {
  const { alias, collation, identity, computed, default: initial, ...plain } = column
  return {
    ...plain,
    ...(alias === undefined ? {} : { alias: alias.id }),
    ...(collation === undefined ? {} : { collation }),
    ...(identity === undefined
      ? {}
      : { identity: { seed: identity.seed.toString(), increment: identity.increment.toString() } }),
    ...(computed === undefined ? {} : { computed }),
    ...(initial === undefined ? {} : { default: initial }),
  }
}

/** Rebuilds a table from its record; its database, schema and alias types must have been rebuilt before. */
export function tableOfRecord(record: TableRecord, database: Database, schema: Schema): Table {
  const types = new Map(
    [...database.schemas.values()].flatMap((s) => [...s.types.values()].map((t) => [t.id, t] as const)),
  )
  return {
    objectId: record.objectId,
    schema,
    database,
    name: record.name,
    relation: `main.t${record.objectId}`,
    columns: record.columns.map((c) => columnOfRecord(c, types)),
    indexes: record.indexes.map((i) => ({ ...i, filter: i.filter })),
    foreignKeys: [...record.foreignKeys],
    checks: record.checks.map((c) => ({ ...c, columnId: c.columnId })),
    identityLast: undefined,
    nextColumnId: record.nextColumnId,
    temporary: false,
  }
}

function columnOfRecord(record: ColumnRecord, types: ReadonlyMap<number, AliasType>): Column {
  const { identity } = record
  return {
    id: record.id,
    name: record.name,
    type: record.type,
    alias: record.alias === undefined ? undefined : types.get(record.alias),
    nullable: record.nullable,
    collation: record.collation,
    identity:
      identity === undefined ? undefined : { seed: BigInt(identity.seed), increment: BigInt(identity.increment) },
    computed: record.computed,
    default: record.default,
    sparse: record.sparse,
    rowGuid: record.rowGuid,
  }
}
