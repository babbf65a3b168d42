import { existsSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileIOFor } from '@icebridge/fileio'
import { openStaticTable, SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openTable, type FileIO, type FileIOFactory, type TableHandle } from '@icebridge/iceberg-core'
import { splitParts } from './config/table-pattern.ts'
import { UsageError } from './usage-error.ts'

/** Where a table to scan is, besides its location. */
export interface TableLocation {
  /** SQLite file of the catalog that the location is a name in. */
  readonly catalog?: string
  readonly catalogName?: string
  /** Prefixes of paths in the metadata, and what stands there now; the first that fits is taken. */
  readonly mapPrefix: readonly (readonly [from: string, to: string])[]
}

/** Opens a table by its metadata file, its folder, or its name in a catalog. */
export async function openScanned(
  location: string,
  { catalog, catalogName, mapPrefix }: TableLocation,
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly table: TableHandle }> {
  const prefixes = mapPrefix.map(([from, to]) => [from, absolute(to)] as const)
  const mapPath = (path: string): string => {
    // A prefix may be written as a plain path where the metadata has a file: URI.
    for (const written of [path, path.replace(/^file:(\/\/)?(?=\/)/, '')]) {
      const moved = prefixes.find(([from]) => written.startsWith(from))
      if (moved !== undefined) return moved[1] + written.slice(moved[0].length)
    }
    return path
  }
  if (catalog === undefined) {
    const place = absolute(location)
    const table = await openStaticTable(place, fileIOFor(place, {}), {
      // Where the metadata file is was said by the caller; only what stands in it may have moved.
      mapPath: (path) => (path.startsWith(place) && metadataFile.test(path) ? path : mapPath(path)),
      signal,
    })
    return { table, [Symbol.asyncDispose]: async () => {} }
  }
  const identifier = identifierOf(location)
  const name = chooseCatalog(catalog, catalogName)
  const io: FileIOFactory = (path, properties) => movedFiles(fileIOFor(mapPath(path), properties), mapPath)
  const opened = await SqlCatalog.openSqlite({
    name,
    path: catalog,
    warehouse: '.',
    io,
    environment: systemEnvironment,
  })
  try {
    const table = await openTable(opened, identifier, io, { signal })
    return { table, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() }
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

const metadataFile = /(\/metadata\/?|version-hint\.text|\.json(\.gz)?)$/

/** A path as the lake has it: absolute, with slashes. A URI stays as it is. */
function absolute(location: string): string {
  if (/^[a-z][a-z0-9+.-]+:/i.test(location)) return location
  const native = resolve(location)
  const path = sep === '/' ? native : native.replaceAll(sep, '/')
  return location.endsWith('/') && path !== '/' ? `${path}/` : path
}

function identifierOf(text: string): { readonly namespace: readonly string[]; readonly name: string } {
  const parts = splitParts(text)
  if (typeof parts === 'string') throw new UsageError(`${text}: ${parts}`)
  const levels = parts.map((part) => part.text)
  const name = levels.pop() ?? ''
  if (levels.length === 0) throw new UsageError(`Name the table with its namespace, e.g. erp_dbo.${name}.`)
  return { namespace: levels, name }
}

/** The catalog of that name in a file, or the only one. Looks without writing: a file that is no catalog is left as it is. */
function chooseCatalog(file: string, wanted: string | undefined): string {
  if (!existsSync(file)) throw new UsageError(`There is no catalog file ${file}.`)
  let names: readonly string[]
  try {
    using database = new DatabaseSync(file, { readOnly: true })
    const rows = database.prepare('SELECT DISTINCT catalog_name AS name FROM iceberg_tables ORDER BY 1').all()
    names = rows.map((row) => String(row['name']))
  } catch {
    throw new UsageError(`${file} is not a SQL catalog of Iceberg (a SQLite file with the table iceberg_tables).`)
  }
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted
    throw new UsageError(`${file} holds no catalog ${wanted}; it holds ${names.join(', ') || 'no tables'}.`)
  }
  const [name, ...others] = names
  if (name === undefined) throw new UsageError(`The catalog ${file} has no tables.`)
  if (others.length > 0) {
    throw new UsageError(`${file} holds several catalogs: ${names.join(', ')}. Choose one with --catalog-name.`)
  }
  return name
}

function movedFiles(io: FileIO, mapPath: (path: string) => string): FileIO {
  return {
    read: (path, options) => io.read(mapPath(path), options),
    stat: (path, options) => io.stat(mapPath(path), options),
    list: (prefix, options) => io.list(mapPath(prefix), options),
    create: (path, options) => io.create(mapPath(path), options),
    delete: (path, options) => io.delete(mapPath(path), options),
  }
}
