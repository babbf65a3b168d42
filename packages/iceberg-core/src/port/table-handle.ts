import { type Catalog, type LoadedTable, type TableIdentifier } from './catalog.ts'
import type { FileIO, FileIOFactory, IOOptions } from './file-io.ts'

/** A table in hand: what operations work on. Immutable; {@link refreshTable} gives a newer one. */
export interface TableHandle {
  readonly identifier: TableIdentifier
  readonly catalog: Catalog
  readonly io: FileIO
  readonly loaded: LoadedTable
}

/**
 * Loads a table from a catalog. A factory gets the table's location and the catalog's config for it.
 *
 * @throws IcebergError `no-such-table` or `no-such-namespace`.
 */
export async function openTable(
  catalog: Catalog,
  identifier: TableIdentifier,
  io: FileIO | FileIOFactory,
  options: IOOptions = {},
): Promise<TableHandle> {
  const loaded = await catalog.loadTable(identifier, options)
  return { identifier, catalog, io: typeof io === 'function' ? ioFor(catalog, identifier, loaded, io) : io, loaded }
}

/** The same table in its newest state. */
export async function refreshTable(table: TableHandle, options: IOOptions = {}): Promise<TableHandle> {
  return { ...table, loaded: await table.catalog.loadTable(table.identifier, options) }
}

function ioFor(catalog: Catalog, identifier: TableIdentifier, loaded: LoadedTable, factory: FileIOFactory): FileIO {
  return catalog.tableIO?.(identifier, loaded, factory) ?? factory(loaded.metadata.location, loaded.config)
}
