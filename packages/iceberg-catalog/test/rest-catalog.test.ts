import { catalogConformance } from '@icebridge/iceberg-catalog/testing'
import { describe, test } from 'vitest'
import { restFixture } from './rest-fixture.ts'

describe('RestCatalog as a Catalog', () => {
  test.each(catalogConformance({ create: () => restFixture() }))('$name', ({ run }) => run())
})

describe('RestCatalog on a server with etags, pages, a prefix and idempotency keys as a Catalog', () => {
  const create = async () => {
    const fixture = await restFixture({
      config: { overrides: { prefix: 'main' }, 'idempotency-key-lifetime': 'PT30M' },
      sendsEtags: true,
      largestPage: 2,
    })
    return { ...fixture, open: () => fixture.open({ pageSize: 3 }) }
  }
  test.each(catalogConformance({ create }))('$name', ({ run }) => run())
})
