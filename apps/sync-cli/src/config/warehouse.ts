import { resolve } from 'node:path'
import type { Complain } from './load.ts'
import type { ConfigFile } from './schema.ts'

/** Where the lake is: its catalog and what its file store is told. */
export interface Warehouse {
  readonly catalog: CatalogConfig
  readonly name: string
  readonly namespace: string | undefined
  readonly formatVersion: 2 | 3
  readonly properties: Readonly<Record<string, string>>
}

export type CatalogConfig =
  | { readonly kind: 'sqlite'; readonly path: string; readonly location: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly location: string }
  | {
      readonly kind: 'rest'
      readonly uri: string
      readonly warehouse?: string
      readonly auth?: { readonly token: string } | { readonly oauth2: OAuth2 }
      readonly headers?: Readonly<Record<string, string>>
    }

interface OAuth2 {
  readonly clientId: string
  readonly clientSecret: string
  readonly serverUri?: string
  readonly scope?: string
}

/** The `warehouse` of a configuration, its defaults filled in. `absolute` makes a path of the configuration absolute. */
export function resolveWarehouse(
  data: ConfigFile['warehouse'],
  absolute: (path: string) => string,
  complain: Complain,
): Warehouse {
  return {
    catalog: resolveCatalog(data, absolute, complain),
    name: data.name ?? 'icebridge',
    namespace: data.namespace,
    formatVersion: data.formatVersion ?? 2,
    properties: data.properties ?? {},
  }
}

function resolveCatalog(
  data: ConfigFile['warehouse'],
  absolute: (path: string) => string,
  complain: Complain,
): CatalogConfig {
  const { catalog } = data
  if (typeof catalog === 'object' && 'rest' in catalog) {
    const { token, oauth2, ...rest } = catalog.rest
    if (data.location !== undefined) {
      complain(['warehouse', 'location'], 'a REST catalog decides itself where its tables go; leave it out')
    }
    if (token !== undefined && oauth2 !== undefined) {
      complain(['warehouse', 'catalog', 'rest', 'token'], 'give either `token` or `oauth2`')
    }
    if (oauth2 !== undefined) return { kind: 'rest', ...rest, auth: { oauth2 } }
    return { kind: 'rest', ...rest, ...(token === undefined ? {} : { auth: { token } }) }
  }
  if (data.location === undefined) {
    complain(['warehouse'], '`location` is missing: the folder or object store of the tables’ files')
  }
  const written = data.location ?? '.'
  const remote = /^[a-z][a-z0-9+.-]+:\/\//i.test(written)
  const location = remote ? written : absolute(written)
  if (typeof catalog === 'object') return { kind: 'postgres', url: catalog.postgres.url, location }
  if (catalog === undefined && remote) {
    complain(
      ['warehouse'],
      '`catalog` is missing: an object store has no place for a SQLite file; name one on a local disk, or use `postgres` or `rest`',
    )
  }
  return {
    kind: 'sqlite',
    path: catalog === undefined ? resolve(location, 'catalog.db') : absolute(catalog),
    location,
  }
}
