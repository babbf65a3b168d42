import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment, type SqliteCatalogOptions } from '@icebridge/iceberg-catalog'
import type { CatalogFixture } from '@icebridge/iceberg-catalog/testing'

export interface SqliteFixture extends CatalogFixture {
  readonly folder: string
  /** Path of the SQLite file. */
  readonly path: string
  open(options?: Partial<SqliteCatalogOptions>): Promise<SqlCatalog>
}

export async function sqliteFixture(): Promise<SqliteFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-catalog-'))
  const path = join(folder, 'catalog.db')
  const io = new LocalFileIO()
  return {
    folder,
    path,
    io,
    open: (options = {}) =>
      SqlCatalog.openSqlite({
        name: 'lake',
        path,
        warehouse: join(folder, 'warehouse'),
        io,
        environment: systemEnvironment,
        ...options,
      }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
