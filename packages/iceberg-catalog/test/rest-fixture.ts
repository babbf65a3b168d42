import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { RestCatalog, type RestCatalogOptions } from '@icebridge/iceberg-catalog/rest'
import type { CatalogFixture } from '@icebridge/iceberg-catalog/testing'
import { sqliteFixture, type SqliteFixture } from './fixture.ts'
import { startRestServer, type RestServer, type RestServerOptions } from './rest-server.ts'

export interface RestFixture extends CatalogFixture {
  readonly server: RestServer
  /** The catalog behind the server. */
  readonly behind: SqliteFixture
  open(options?: Partial<RestCatalogOptions>): Promise<RestCatalog>
}

/** A REST server in this process over a SQLite catalog, whose clients wait little. */
export async function restFixture(options: RestServerOptions = {}): Promise<RestFixture> {
  const behind = await sqliteFixture()
  const catalog = await behind.open()
  const server = await startRestServer(catalog, options)
  return {
    server,
    behind,
    io: behind.io,
    // `..` cannot stand in an address.
    tableNames: (names) => names.filter((name) => name !== '..'),
    open: (own = {}) =>
      RestCatalog.open({
        name: 'rest',
        uri: server.uri,
        environment: systemEnvironment,
        retry: { retries: 3, minWaitMs: 1, maxWaitMs: 1_500 },
        ...own,
      }),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await catalog[Symbol.asyncDispose]()
      await behind[Symbol.asyncDispose]()
    },
  }
}
