import { IcebergError, formatIdentifier, type TableIdentifier } from '@icebridge/iceberg-core'
import { checkName, namespaceLevels, namespaceText } from './names.ts'
import { isConstraint } from './sqlite-errors.ts'
import type { Row, SqliteStore, SqliteWrite, TransactionOutcome } from './sqlite-store.ts'

/** Marks a namespace without properties as existing, in Java and PyIceberg too. */
const EXISTS_PROPERTY = 'exists'

/**
 * The rows of one catalog in a SQLite file: what is stored, apart from what it means.
 *
 * Parameters are plain `?`: node:sqlite of Node 22 cannot bind numbered ones.
 */
export class CatalogRows {
  readonly #store: SqliteStore
  readonly #catalog: string
  /** Leaves out views, which share the table. */
  readonly #onlyTables: string

  constructor(store: SqliteStore, catalog: string) {
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
    const text = namespaceText(namespace)
    const names = await this.namespaces(signal)
    return names.some((name) => name === text || name.startsWith(`${text}.`))
  }

  async namespaceProperty(
    namespace: readonly string[],
    key: string,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const [row] = await this.#store.all(
      `SELECT property_value AS value FROM iceberg_namespace_properties
       WHERE catalog_name = ? AND namespace = ? AND property_key = ?`,
      [this.#catalog, namespaceText(namespace), key],
      signal,
    )
    return typeof row?.['value'] === 'string' ? row['value'] : undefined
  }

  async insertNamespace(
    namespace: readonly string[],
    properties: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const text = namespaceText(namespace)
    const prefix = `${text}.`
    const entries = Object.entries({ [EXISTS_PROPERTY]: 'true', ...properties })
    await this.#write(signal, `create namespace ${text}`, (write) => {
      const found = write.all(
        `SELECT 1 FROM iceberg_tables WHERE catalog_name = ?
           AND (table_namespace = ? OR substr(table_namespace, 1, length(?)) = ?)
         UNION ALL SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name = ?
           AND (namespace = ? OR substr(namespace, 1, length(?)) = ?)`,
        [this.#catalog, text, prefix, prefix, this.#catalog, text, prefix, prefix],
      )
      if (found.length > 0) throw exists(`The namespace ${text}`, text)
      for (const [key, value] of entries) {
        write.run('INSERT INTO iceberg_namespace_properties VALUES (?, ?, ?, ?)', [this.#catalog, text, key, value])
      }
    })
  }

  /** @throws IcebergError `namespace-not-empty` or `no-such-namespace`. */
  async deleteNamespace(namespace: readonly string[], signal?: AbortSignal): Promise<void> {
    const text = namespaceText(namespace)
    const prefix = `${text}.`
    await this.#write(signal, `drop namespace ${text}`, (write) => {
      const inside = write.all(
        `SELECT table_name AS name FROM iceberg_tables WHERE catalog_name = ?
           AND (table_namespace = ? OR substr(table_namespace, 1, length(?)) = ?)
         UNION ALL SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?
           AND substr(namespace, 1, length(?)) = ?`,
        [this.#catalog, text, prefix, prefix, this.#catalog, prefix, prefix],
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
      const where = 'WHERE catalog_name = ? AND namespace = ?'
      const deleted = write.run(`DELETE FROM iceberg_namespace_properties ${where}`, [this.#catalog, text])
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
    const [catalog, namespace, name] = this.#key(identifier)
    const type = this.#store.hasTypes ? [', iceberg_type', ", 'TABLE'"] : ['', '']
    await this.#write(signal, `create ${formatIdentifier(identifier)}`, (write) => {
      try {
        write.run(
          `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location${type[0]})
           VALUES (?, ?, ?, ?${type[1]})`,
          [catalog, namespace, name, metadataLocation],
        )
      } catch (error) {
        throw isConstraint(error) ? tableExists(identifier) : error
      }
    })
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
    return await this.#store.transaction((write) => {
      const changed = write.run(
        `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
         WHERE ${this.#isTable} AND metadata_location = ?`,
        [next, current, ...this.#key(identifier), current],
      )
      return changed === 1
    }, signal)
  }

  /** @throws IcebergError `no-such-table` or `already-exists`. */
  async renameTable(from: TableIdentifier, to: TableIdentifier, signal?: AbortSignal): Promise<void> {
    const [, namespace, name] = this.#key(to)
    await this.#write(signal, `rename ${formatIdentifier(from)}`, (write) => {
      let changed
      try {
        changed = write.run(`UPDATE iceberg_tables SET table_namespace = ?, table_name = ? WHERE ${this.#isTable}`, [
          namespace,
          name,
          ...this.#key(from),
        ])
      } catch (error) {
        throw isConstraint(error) ? tableExists(to) : error
      }
      if (changed === 0) throw noSuchTable(from)
    })
  }

  /** @throws IcebergError `no-such-table`. */
  async deleteTable(identifier: TableIdentifier, signal?: AbortSignal): Promise<void> {
    await this.#write(signal, `drop ${formatIdentifier(identifier)}`, (write) => {
      const deleted = write.run(`DELETE FROM iceberg_tables WHERE ${this.#isTable}`, this.#key(identifier))
      if (deleted === 0) throw noSuchTable(identifier)
    })
  }

  get #isTable(): string {
    return `catalog_name = ? AND table_namespace = ? AND table_name = ?${this.#onlyTables}`
  }

  #key(identifier: TableIdentifier): [string, string, string] {
    return [this.#catalog, namespaceText(identifier.namespace), checkName(identifier.name, 'table name')]
  }

  async #write(signal: AbortSignal | undefined, what: string, work: (write: SqliteWrite) => void): Promise<void> {
    const outcome = await this.#store.transaction(work, signal)
    if (outcome.status === 'committed') return
    throw new IcebergError('commit-unknown', `The answer to "${what}" was lost in ${this.#store.path}`, {
      context: { path: this.#store.path },
      hint: 'Look whether it happened before you repeat it.',
      cause: outcome.cause,
    })
  }
}

export function noSuchTable(identifier: TableIdentifier): IcebergError {
  const name = formatIdentifier(identifier)
  return new IcebergError('no-such-table', `There is no table ${name}`, {
    context: { table: name },
    hint: 'Names are case-sensitive. List the tables of its namespace.',
  })
}

export function noSuchNamespace(namespace: readonly string[]): IcebergError {
  const name = namespace.join('.')
  return new IcebergError('no-such-namespace', `There is no namespace ${name}`, {
    context: { namespace: name },
    hint: 'Create it first. Names are case-sensitive.',
  })
}

export function tableExists(identifier: TableIdentifier): IcebergError {
  const name = formatIdentifier(identifier)
  return exists(`The table ${name}`, name)
}

function exists(what: string, name: string): IcebergError {
  return new IcebergError('already-exists', `${what} exists already`, { context: { name } })
}

function locationIn(row: Row | undefined): string | undefined {
  const location = row?.['location']
  return typeof location === 'string' && location !== '' ? location : undefined
}
