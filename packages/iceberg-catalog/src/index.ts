export type { MapPath } from './read-only-io.ts'
export { SqlCatalog, type SqlCatalogOptions, type SqliteCatalogOptions } from './sql/sql-catalog.ts'
export { openStaticTable, type StaticTableOptions } from './static-table.ts'
export { systemEnvironment } from './system-environment.ts'
