import { existsSync } from 'node:fs'
import { fileIOFor } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import type { Catalog } from '@icebridge/iceberg-core'
import type { Config } from './config/load.ts'
import { UsageError } from './usage-error.ts'

/** Opens the catalog of a configuration; the drivers of PostgreSQL and REST are loaded only for those. */
export async function openCatalog({ warehouse }: Config, signal: AbortSignal): Promise<Catalog> {
  const { catalog, name, properties } = warehouse
  switch (catalog.kind) {
    case 'sqlite':
      return await SqlCatalog.openSqlite({
        name,
        path: catalog.path,
        warehouse: catalog.location,
        io: fileIOFor,
        environment: systemEnvironment,
        properties,
      })
    case 'postgres': {
      const { openPostgresCatalog } = await loadPostgres()
      return await openPostgresCatalog({
        name,
        url: catalog.url,
        warehouse: catalog.location,
        io: fileIOFor,
        environment: systemEnvironment,
        properties,
      })
    }
    case 'rest': {
      const { RestCatalog } = await import('@icebridge/iceberg-catalog/rest')
      const { kind: _kind, ...connection } = catalog
      return await RestCatalog.open({ ...connection, name, environment: systemEnvironment, properties }, { signal })
    }
  }
}

/** False for a SQLite catalog whose file is not there: looking does not make a catalog. */
export function catalogExists({ warehouse: { catalog } }: Config): boolean {
  return catalog.kind !== 'sqlite' || existsSync(catalog.path)
}

async function loadPostgres() {
  try {
    return await import('@icebridge/iceberg-catalog/postgres')
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    if (absent) throw new UsageError('A catalog in PostgreSQL needs the package pg: npm install pg')
    throw error
  }
}
