import { IcebergError, formatIdentifier, type TableIdentifier } from '@icebridge/iceberg-core'
import { noSuchNamespace, noSuchTable, tableExists, exists } from '../catalog-errors.ts'
import {
  change,
  DuplicateKey,
  query,
  type CatalogStore,
  type Row,
  type TransactionOutcome,
  type Work,
} from './catalog-store.ts'
import { checkName, namespaceLevels, namespaceText } from './names.ts'

/** Marks a namespace without properties as existing, in Java and PyIceberg too. */
export const existsProperty = 'exists'

/**
 * The rows of one catalog in its database: what is stored, apart from what it means.
 *
 * Parameters are plain `?`: node:sqlite of Node 22 cannot bind numbered ones.
 */
export class CatalogRows {
  readonly #store: CatalogStore
  readonly #catalog: string
  /** Leaves out views, which share the table. */
  readonly #onlyTables: string

  constructor(store: CatalogStore, catalog: string) {
    this.#store = store
    this.#catalog = catalog
    this.#onlyTables = store.hasTypes ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : ''
  }

  /** Texts of all namespaces that exist by a table or a property. */
  async namespaces(signal?: AbortSignal): Promise<readonly string[]> {
    const rows = await this.#store.all(
      `SELECT table_namespace AS name FROM iceberg_tables WHERE catalog_name = ?
       UNION SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?`,
      [this.#catalog, this.#catalog],
      signal,
    )
    return rows.map((row) => String(row['name']))
  }

  /** A namespace exists when it, or one below it, has a table or a property. */
  async namespaceExists(namespace: readonly string[], signal?: AbortSignal): Promise<boolean> {
    const { sql, parameters } = this.#rowsIn(namespaceText(namespace))
    return (await this.#store.all(sql, parameters, signal)).length > 0
  }

  /** Every property that is stored, `exists` among them. */
  async namespaceProperties(
    namespace: readonly string[],
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    const rows = await this.#store.all(
      `SELECT property_key AS name, property_value AS value FROM iceberg_namespace_properties
       WHERE catalog_name = ? AND namespace = ? ORDER BY property_key`,
      [this.#catalog, namespaceText(namespace)],
      signal,
    )
    return Object.fromEntries(rows.map(({ name, value }) => [String(name), typeof value === 'string' ? value : '']))
  }

  async insertNamespace(
    namespace: readonly string[],
    properties: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const text = namespaceText(namespace)
    const entries = Object.entries({ [existsProperty]: 'true', ...properties })
    const found = this.#rowsIn(text)
    const insert = this.#insertProperty.bind(this)
    await this.#write(signal, `create namespace ${text}`, function* () {
      if ((yield* query(found.sql, found.parameters)).length > 0) throw exists(`The namespace ${text}`, text)
      try {
        for (const [key, value] of entries) yield* insert(text, key, value)
      } catch (error) {
        throw error instanceof DuplicateKey ? exists(`The namespace ${text}`, text) : error
      }
    })
  }

  /** Sets and removes properties in one transaction. The namespace goes on existing when its last property is removed. */
  async updateNamespace(
    namespace: readonly string[],
    updates: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] },
    signal?: AbortSignal,
  ): Promise<void> {
    const text = namespaceText(namespace)
    const catalog = this.#catalog
    const found = this.#rowsIn(text)
    const insert = this.#insertProperty.bind(this)
    const where = 'WHERE catalog_name = ? AND namespace = ?'
    await this.#write(signal, `set properties of ${text}`, function* () {
      if ((yield* query(found.sql, found.parameters)).length === 0) throw noSuchNamespace(namespace)
      for (const key of updates.remove) {
        yield* change(`DELETE FROM iceberg_namespace_properties ${where} AND property_key = ?`, [catalog, text, key])
      }
      for (const [key, value] of Object.entries(updates.set)) {
        const changed = yield* change(
          `UPDATE iceberg_namespace_properties SET property_value = ? ${where} AND property_key = ?`,
          [value, catalog, text, key],
        )
        if (changed === 0) yield* insert(text, key, value)
      }
      const left = yield* query(`SELECT 1 FROM iceberg_namespace_properties ${where} LIMIT 1`, [catalog, text])
      if (left.length === 0) yield* insert(text, existsProperty, 'true')
    })
  }

  /** @throws IcebergError `namespace-not-empty` or `no-such-namespace`. */
  async deleteNamespace(namespace: readonly string[], signal?: AbortSignal): Promise<void> {
    const text = namespaceText(namespace)
    const prefix = `${text}.`
    const catalog = this.#catalog
    await this.#write(signal, `drop namespace ${text}`, function* () {
      const inside = yield* query(
        `SELECT table_name AS name FROM iceberg_tables WHERE catalog_name = ?
           AND (table_namespace = ? OR substr(table_namespace, 1, length(?)) = ?)
         UNION ALL SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?
           AND substr(namespace, 1, length(?)) = ?`,
        [catalog, text, prefix, prefix, catalog, prefix, prefix],
      )
      if (inside.length > 0) {
        throw new IcebergError(
          'namespace-not-empty',
          `The namespace ${text} is not empty: it has ${String(inside[0]?.['name'])}`,
          {
            context: { namespace: text },
            hint: 'Drop its tables, views and namespaces first.',
          },
        )
      }
      const deleted = yield* change(
        'DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?',
        [catalog, text],
      )
      if (deleted === 0) throw noSuchNamespace(namespace)
    })
  }

  async tables(namespace: readonly string[], signal?: AbortSignal): Promise<readonly TableIdentifier[]> {
    const rows = await this.#store.all(
      `SELECT table_namespace AS namespace, table_name AS name FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ?${this.#onlyTables} ORDER BY table_name`,
      [this.#catalog, namespaceText(namespace)],
      signal,
    )
    return rows.map((row) => ({ namespace: namespaceLevels(String(row['namespace'])), name: String(row['name']) }))
  }

  /** Location of the table's current metadata file, if there is such a table. */
  async metadataLocation(identifier: TableIdentifier, signal?: AbortSignal): Promise<string | undefined> {
    const [row] = await this.#store.all(
      `SELECT metadata_location AS location FROM iceberg_tables WHERE ${this.#isTable}`,
      this.#key(identifier),
      signal,
    )
    return locationIn(row)
  }

  /** @throws IcebergError `already-exists`; `commit-unknown` when the answer was lost. */
  async insertTable(identifier: TableIdentifier, metadataLocation: string, signal?: AbortSignal): Promise<void> {
    const type = this.#store.hasTypes ? [', iceberg_type', ", 'TABLE'"] : ['', '']
    const sql = `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location${type[0]})
           VALUES (?, ?, ?, ?${type[1]})`
    const parameters = [...this.#key(identifier), metadataLocation]
    await this.#write(signal, `create ${formatIdentifier(identifier)}`, () => unlessTaken(sql, parameters, identifier))
  }

  /**
   * Puts `next` in the place of `current`. `false` when the table no longer stands at `current`: nothing was changed.
   */
  async swap(
    identifier: TableIdentifier,
    locations: { readonly current: string; readonly next: string },
    signal?: AbortSignal,
  ): Promise<TransactionOutcome<boolean>> {
    const { current, next } = locations
    const sql = `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
         WHERE ${this.#isTable} AND metadata_location = ?`
    const parameters = [next, current, ...this.#key(identifier), current]
    return await this.#store.transaction(function* () {
      return (yield* change(sql, parameters)) === 1
    }, signal)
  }

  /** @throws IcebergError `no-such-table` or `already-exists`. */
  async renameTable(from: TableIdentifier, to: TableIdentifier, signal?: AbortSignal): Promise<void> {
    const [, namespace, name] = this.#key(to)
    const sql = `UPDATE iceberg_tables SET table_namespace = ?, table_name = ? WHERE ${this.#isTable}`
    const parameters = [namespace, name, ...this.#key(from)]
    await this.#write(signal, `rename ${formatIdentifier(from)}`, function* () {
      if ((yield* unlessTaken(sql, parameters, to)) === 0) throw noSuchTable(from)
    })
  }

  /** @throws IcebergError `no-such-table`. */
  async deleteTable(identifier: TableIdentifier, signal?: AbortSignal): Promise<void> {
    const sql = `DELETE FROM iceberg_tables WHERE ${this.#isTable}`
    const parameters = this.#key(identifier)
    await this.#write(signal, `drop ${formatIdentifier(identifier)}`, function* () {
      if ((yield* change(sql, parameters)) === 0) throw noSuchTable(identifier)
    })
  }

  get #isTable(): string {
    return `catalog_name = ? AND table_namespace = ? AND table_name = ?${this.#onlyTables}`
  }

  #key(identifier: TableIdentifier): [string, string, string] {
    return [this.#catalog, namespaceText(identifier.namespace), checkName(identifier.name, 'table name')]
  }

  /** A query for one row of a namespace or of one below it. */
  #rowsIn(text: string): { readonly sql: string; readonly parameters: readonly string[] } {
    const prefix = `${text}.`
    return {
      sql: `SELECT 1 FROM iceberg_tables WHERE catalog_name = ?
              AND (table_namespace = ? OR substr(table_namespace, 1, length(?)) = ?)
            UNION ALL SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name = ?
              AND (namespace = ? OR substr(namespace, 1, length(?)) = ?) LIMIT 1`,
      parameters: [this.#catalog, text, prefix, prefix, this.#catalog, text, prefix, prefix],
    }
  }

  *#insertProperty(namespace: string, key: string, value: string): Work<void> {
    yield* change(
      `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
       VALUES (?, ?, ?, ?)`,
      [this.#catalog, namespace, key, value],
    )
  }

  async #write(signal: AbortSignal | undefined, what: string, work: () => Work<unknown>): Promise<void> {
    const outcome = await this.#store.transaction(work, signal)
    if (outcome.status === 'committed') return
    throw new IcebergError('commit-unknown', `The answer to "${what}" was lost in ${this.#store.place}`, {
      context: { path: this.#store.place },
      hint: 'Look whether it happened before you repeat it.',
      cause: outcome.cause,
    })
  }
}

/** A change that gives a row the key of `identifier`. @throws IcebergError `already-exists`. */
function* unlessTaken(sql: string, parameters: readonly string[], identifier: TableIdentifier): Work<number> {
  try {
    return yield* change(sql, parameters)
  } catch (error) {
    throw error instanceof DuplicateKey ? tableExists(identifier) : error
  }
}

function locationIn(row: Row | undefined): string | undefined {
  const location = row?.['location']
  return typeof location === 'string' && location !== '' ? location : undefined
}
