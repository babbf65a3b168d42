// Opens the REST catalog at the given address and says what became of it.
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'

const [uri] = process.argv.slice(2)
const options = { name: 'rest', uri, environment: systemEnvironment, retry: { retries: 0 } }
try {
  await RestCatalog.open(options)
  console.log('opened')
} catch (error) {
  console.log(`${error.code}: ${error.cause?.cause?.code}`)
}
