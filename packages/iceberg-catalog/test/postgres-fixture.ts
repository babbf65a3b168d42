import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { systemEnvironment, type SqlCatalog } from '@icebridge/iceberg-catalog'
import { openPostgresCatalog, type PostgresCatalogOptions } from '@icebridge/iceberg-catalog/postgres'
import type { CatalogFixture } from '@icebridge/iceberg-catalog/testing'
import { Client } from 'pg'

/** The server that the tests use, or why there is none. */
export const postgres: { readonly url: string } | { readonly missing: string } = findPostgres()

export interface PostgresFixture extends CatalogFixture {
  /** Opens the fixture's own schema of the database. */
  readonly url: string
  readonly folder: string
  open(options?: Partial<PostgresCatalogOptions>): Promise<SqlCatalog>
  query(sql: string): Promise<readonly Record<string, unknown>[]>
}

/** A schema of its own for each fixture, dropped at the end. */
export async function postgresFixture(): Promise<PostgresFixture> {
  if ('missing' in postgres) throw new Error(postgres.missing)
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  const url = new URL(postgres.url)
  url.searchParams.set('options', `-csearch_path=${schema}`)
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-catalog-'))
  const io = new LocalFileIO()
  const client = new Client({ connectionString: url.href })
  await client.connect()
  await client.query(`CREATE SCHEMA ${schema}`)
  return {
    url: url.href,
    folder,
    io,
    open: (options = {}) =>
      openPostgresCatalog({
        name: 'lake',
        url: url.href,
        warehouse: join(folder, 'warehouse'),
        io,
        environment: systemEnvironment,
        ...options,
      }),
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    [Symbol.asyncDispose]: async () => {
      await client.query(`DROP SCHEMA ${schema} CASCADE`)
      await client.end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function findPostgres(): { readonly url: string } | { readonly missing: string } {
  const url = process.env['ICEBRIDGE_TEST_POSTGRES']
  if (url !== undefined && url !== '') return { url }
  const missing =
    'ICEBRIDGE_TEST_POSTGRES is not set: give the URL of a PostgreSQL server, as `.ci/postgres start FOLDER` prints it'
  if (process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(missing)
  return { missing }
}
