import { IcebergError } from '@icebridge/iceberg-core'
import { Pool, type PoolClient } from 'pg'
import { createTables, upgradeToV1 } from './catalog-schema.ts'
import {
  DuplicateKey,
  type CatalogStore,
  type Row,
  type Statement,
  type StatementResult,
  type TransactionOutcome,
  type Work,
} from './catalog-store.ts'
import { isRefusal, isTwiceCreated, isUniqueViolation, postgresError } from './postgres-errors.ts'

export interface PostgresStoreOptions {
  readonly maxConnections: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly upgradeToV1: boolean
}

/** A pool of connections to a catalog's PostgreSQL database. One statement a round trip; reads need no transaction. */
export class PostgresStore implements CatalogStore {
  /** Host and database, without user and password. */
  readonly place: string
  hasTypes = true
  readonly #pool: Pool
  #isOpen = true

  private constructor(pool: Pool, place: string) {
    this.#pool = pool
    this.place = place
    // A connection that breaks while it idles in the pool is thrown away by the pool; the next call opens another.
    pool.on('error', () => undefined)
  }

  /** Connects; makes the catalog's tables in the first schema of the search path when they are absent. */
  static async open(url: string, options: PostgresStoreOptions): Promise<PostgresStore> {
    const place = placeOf(url)
    const pool = new Pool({
      connectionString: url,
      max: options.maxConnections,
      connectionTimeoutMillis: options.connectTimeoutMs,
      statement_timeout: options.statementTimeoutMs,
      // The server's own time-out comes first; this one is for a server that does not answer at all.
      query_timeout: options.statementTimeoutMs + 5_000,
      application_name: 'icebridge',
      allowExitOnIdle: true,
    })
    const store = new PostgresStore(pool, place)
    try {
      await store.#prepare(options)
      return store
    } catch (error) {
      await store.close()
      throw error
    }
  }

  async all(sql: string, parameters: readonly string[] = [], signal?: AbortSignal): Promise<readonly Row[]> {
    return await this.#withClient(signal, async (client) => {
      try {
        return (await execute(client, { sql, parameters, kind: 'query' })).rows
      } catch (error) {
        throw postgresError(error, this.place)
      }
    })
  }

  async transaction<T>(work: () => Work<T>, signal?: AbortSignal): Promise<TransactionOutcome<T>> {
    return await this.#withClient(signal, async (client, broken) => {
      let value
      try {
        await client.query('BEGIN')
        value = await run(client, work())
      } catch (error) {
        await client.query('ROLLBACK').catch(broken)
        throw postgresError(error, this.place)
      }
      try {
        await client.query('COMMIT')
        return { status: 'committed', value }
      } catch (error) {
        broken()
        const cause = postgresError(error, this.place)
        if (isRefusal(error)) throw cause
        return { status: 'unknown', cause }
      }
    })
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#pool.end()
  }

  async #prepare(options: PostgresStoreOptions): Promise<void> {
    const [found] = await this.all(
      `SELECT to_regclass('iceberg_tables') IS NOT NULL AND to_regclass('iceberg_namespace_properties') IS NOT NULL AS made`,
    )
    if (found?.['made'] !== true) await this.#define(createTables)
    this.hasTypes = await this.#findTypes()
    if (this.hasTypes || !options.upgradeToV1) return
    await this.#define([upgradeToV1])
    this.hasTypes = true
  }

  async #findTypes(): Promise<boolean> {
    const columns = await this.all(
      `SELECT attname AS name FROM pg_attribute
       WHERE attrelid = to_regclass('iceberg_tables') AND attname = 'iceberg_type' AND NOT attisdropped`,
    )
    return columns.length > 0
  }

  /** Runs definitions one by one. One that another client was quicker with is done. */
  async #define(definitions: readonly string[]): Promise<void> {
    await this.#withClient(undefined, async (client) => {
      for (const sql of definitions) {
        try {
          await client.query(sql)
        } catch (error) {
          if (!isTwiceCreated(error)) throw postgresError(error, this.place)
        }
      }
    })
  }

  /** `broken` keeps the connection from going back into the pool. An abort breaks it: the server rolls back what was open. */
  async #withClient<T>(
    signal: AbortSignal | undefined,
    work: (client: PoolClient, broken: () => void) => Promise<T>,
  ): Promise<T> {
    if (!this.#isOpen) {
      throw new IcebergError('invalid-argument', `The catalog ${this.place} is closed`, {
        context: { path: this.place },
      })
    }
    signal?.throwIfAborted()
    let client: PoolClient
    try {
      client = await this.#pool.connect()
    } catch (error) {
      throw postgresError(error, this.place)
    }
    let isReleased = false
    const release = (destroy: boolean): void => {
      if (isReleased) return
      isReleased = true
      client.release(destroy)
    }
    let isBroken = false
    const abort = (): void => release(true)
    const lost = (): void => {
      isBroken = true
    }
    client.on('error', lost)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      signal?.throwIfAborted()
      const value = await work(client, lost)
      return value
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
      client.off('error', lost)
      release(isBroken)
    }
  }
}

async function run<T>(client: PoolClient, work: Work<T>): Promise<T> {
  let step = work.next()
  while (step.done !== true) {
    let result
    try {
      result = await execute(client, step.value)
    } catch (error) {
      const duplicate = isUniqueViolation(error)
      step = work.throw(duplicate ? new DuplicateKey('the key is there already', { cause: error }) : error)
      continue
    }
    step = work.next(result)
  }
  return step.value
}

async function execute(client: PoolClient, { sql, parameters }: Statement): Promise<StatementResult> {
  let count = 0
  const text = sql.replace(/\?/g, () => `$${++count}`)
  const { rows, rowCount } = await client.query<Row>(text, [...parameters])
  return { rows, changes: rowCount ?? 0 }
}

/** @throws IcebergError `invalid-argument`, without the URL: it may hold a password. */
function placeOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed !== undefined && /^postgres(ql)?:$/.test(parsed.protocol)) {
    const host = parsed.host === '' ? (parsed.searchParams.get('host') ?? 'localhost') : parsed.host
    return `postgresql://${host}${parsed.pathname}`
  }
  throw new IcebergError('invalid-argument', 'The connection URL of the catalog is not one of PostgreSQL', {
    hint: 'Give postgresql://user:password@host:5432/database, with special characters percent-encoded.',
  })
}
