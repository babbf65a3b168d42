import { openTable, type FileIO } from '@icebridge/iceberg-core'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'

/** Creates a table in a catalog and gives its location. `io` is a file store, such as LocalFileIO of @icebridge/fileio. */
export async function example(folder: string, io: FileIO): Promise<string> {
  await using catalog = await SqlCatalog.openSqlite({
    name: 'lake',
    path: `${folder}/catalog.db`,
    warehouse: `${folder}/warehouse`,
    io,
    environment: systemEnvironment,
  })
  const orders = { namespace: ['shop'], name: 'orders' }
  await catalog.createNamespace(orders.namespace)
  await catalog.createTable(orders, {
    schema: {
      schemaId: 0,
      identifierFieldIds: [],
      fields: [{ id: 1, name: 'id', required: true, type: 'long' }],
    },
  })
  const table = await openTable(catalog, orders, io)
  return table.loaded.metadata.location
}
