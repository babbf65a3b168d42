import type { DuckDBConnection } from '@duckdb/node-api'
import { type Catalog, type Database, fold } from './catalog.ts'
import { type CatalogKey, type CatalogRecord, type DatabaseRecord, recordOf, tableOfRecord } from './catalog-json.ts'
import { rowsOf } from './duck.ts'
import { quote } from './values.ts'

const relation = 'main.sandbox_catalog'

/**
 * Keeps the catalog beside the data, in the same DuckDB file: a log of records that a transaction appends to as it commits, so
 * that both are there or neither. Appending never conflicts with another transaction; the log is cut down when it is opened.
 */
export class CatalogLog {
  readonly #catalog: Catalog
  #sequence: bigint

  private constructor(catalog: Catalog, sequence: bigint) {
    this.#catalog = catalog
    this.#sequence = sequence
  }

  /**
   * Fills the empty catalog from the file, if it has one.
   * @throws Error for a file of another version.
   */
  static async open(connection: DuckDBConnection, catalog: Catalog): Promise<CatalogLog> {
    await connection.run(`CREATE TABLE IF NOT EXISTS ${relation} (seq BIGINT, key VARCHAR, record VARCHAR)`)
    await connection.run(
      `DELETE FROM ${relation} AS r USING (SELECT key, max(seq) AS last FROM ${relation} GROUP BY key) AS l WHERE r.key = l.key AND r.seq < l.last`,
    )
    await connection.run(`DELETE FROM ${relation} WHERE record IS NULL`)
    const rows = await rowsOf(connection, `SELECT seq, record FROM ${relation} ORDER BY seq`)
    // The table is written by append() only: its second column is a record's JSON.
    const records = rows.map(([, json]) => JSON.parse(json as string) as CatalogRecord)
    restore(catalog, records)
    const log = new CatalogLog(
      catalog,
      rows.reduce((last, [seq]) => (BigInt(seq as bigint) > last ? BigInt(seq as bigint) : last), 0n),
    )
    if (rows.length === 0) await log.append(connection, ['format'])
    return log
  }

  /** Writes the present state of some keys, in the connection's transaction if one is open. */
  async append(connection: DuckDBConnection, keys: Iterable<CatalogKey>): Promise<void> {
    const values = [...new Set<CatalogKey>([...keys, 'ids'])].map((key) => {
      const record = recordOf(this.#catalog, key)
      return `(${++this.#sequence}, ${quote(key)}, ${record === undefined ? 'NULL' : quote(JSON.stringify(record))})`
    })
    await connection.run(`INSERT INTO ${relation} VALUES ${values.join(', ')}`)
  }
}

/** The keys of a whole database, to write or to remove it. */
export function keysOf(database: Database): CatalogKey[] {
  const keys: CatalogKey[] = [`database ${database.id}`, `rowversion ${database.id}`]
  for (const schema of database.schemas.values()) {
    keys.push(`schema ${database.id} ${schema.id}`)
    for (const type of schema.types.values()) keys.push(`type ${database.id} ${type.id}`)
    for (const table of schema.tables.values()) keys.push(`table ${table.objectId}`, `identity ${table.objectId}`)
  }
  return keys
}

function restore(catalog: Catalog, records: readonly CatalogRecord[]): void {
  const of = <K extends CatalogRecord['kind']>(kind: K): Extract<CatalogRecord, { kind: K }>[] =>
    records.filter((r): r is Extract<CatalogRecord, { kind: K }> => r.kind === kind)
  for (const { version } of of('format')) {
    if (version !== 1) throw new Error(`The sandbox's data folder has format ${version}; this version reads format 1.`)
  }
  for (const ids of of('ids')) catalog.restoreIds(ids)
  for (const record of of('database')) catalog.databases.set(fold(record.name), databaseOf(record))
  const databases = new Map([...catalog.databases.values()].map((d) => [d.id, d]))
  for (const { database, last } of of('rowversion')) {
    const found = databases.get(database)
    if (found !== undefined) found.rowversion = BigInt(last)
  }
  for (const { database, id, name } of of('schema')) {
    databases.get(database)?.schemas.set(fold(name), { id, name, tables: new Map(), types: new Map() })
  }
  for (const { database, schema, id, name, type, nullable } of of('type')) {
    databases.get(database)?.schemas.get(fold(schema))?.types.set(fold(name), { id, name, schema, type, nullable })
  }
  for (const record of of('table')) {
    const database = databases.get(record.database)
    const schema = database?.schemas.get(fold(record.schema))
    if (database === undefined || schema === undefined) continue
    schema.tables.set(fold(record.name), tableOfRecord(record, database, schema))
  }
  for (const { table, last } of of('identity')) {
    const found = catalog.tableById(table)
    if (found !== undefined) found.identityLast = last === null ? undefined : BigInt(last)
  }
}

function databaseOf(record: DatabaseRecord): Database {
  const { id, name, collation, snapshotIsolation, readCommittedSnapshot } = record
  return { id, name, collation, snapshotIsolation, readCommittedSnapshot, schemas: new Map(), rowversion: 2000n }
}
