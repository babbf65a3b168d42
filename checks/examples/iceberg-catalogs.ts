// The catalogs of docs/iceberg.md that need a server, and tables without a catalog. The tests compile it.
import { fileIOFor } from '@icebridge/fileio'
import { openStaticTable, systemEnvironment as environment } from '@icebridge/iceberg-catalog'
import { openPostgresCatalog } from '@icebridge/iceberg-catalog/postgres'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'

// npm install pg @aws-sdk/client-s3
export const shared = await openPostgresCatalog({
  name: 'lake',
  url: 'postgresql://user:password@db.example.com:5432/lake',
  warehouse: 's3://bucket/lake',
  properties: { 'client.region': 'eu-central-1' },
  io: fileIOFor,
  environment,
})

export const rest = await RestCatalog.open({
  name: 'lake',
  uri: 'https://catalog.example.com/api/catalog',
  warehouse: 'analytics',
  auth: { oauth2: { clientId: 'icebridge', clientSecret: 'secret', scope: 'catalog' } },
  environment,
})

// Read-only: a table's folder, or one of its metadata files. mapPath finds the files of a table that was moved.
export const copy = await openStaticTable('/mnt/copy/orders', fileIOFor, {
  mapPath: (path) => path.replace('s3://bucket/lake/shop/orders', '/mnt/copy/orders'),
})
