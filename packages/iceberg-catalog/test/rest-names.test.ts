import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { expect, test } from 'vitest'
import { restFixture } from './rest-fixture.ts'

test('namespaces of several levels and odd names are one segment of the address each', async () => {
  await using fixture = await restFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(['a b', 'ä/€'])
  const identifier = { namespace: ['a b', 'ä/€'], name: 'x?y#z' }
  await catalog.createTable(identifier, sampleTable)
  await catalog.loadTable(identifier)
  expect(fixture.server.seen.at(-1)?.path).toBe(
    '/v1/namespaces/a%20b%1F%C3%A4%2F%E2%82%AC/tables/x%3Fy%23z?snapshots=all',
  )
  await catalog.listNamespaces({ parent: ['a b', 'ä/€'] })
  expect(fixture.server.seen.at(-1)?.path).toBe('/v1/namespaces?parent=a%20b%1F%C3%A4%2F%E2%82%AC')
})

test("takes the server's prefix, warehouse and separator", async () => {
  await using fixture = await restFixture({
    config: { overrides: { prefix: 'ws/main', 'namespace-separator': '%2E' } },
    respond: () => ({ status: 204 }),
  })
  await using catalog = await fixture.open({ warehouse: 's3://b/ä' })
  expect(fixture.server.seen[0]?.path).toBe('/v1/config?warehouse=s3%3A%2F%2Fb%2F%C3%A4')
  await catalog.namespaceExists(['a', 'b'])
  expect(fixture.server.seen.at(-1)?.path).toBe('/v1/ws/main/namespaces/a.b')
  // The unit separator does, beside the server's own, where a level holds that.
  await catalog.namespaceExists(['a.b', 'c'])
  expect(fixture.server.seen.at(-1)?.path).toBe('/v1/ws/main/namespaces/a.b%1Fc')
  await expect(catalog.namespaceExists(['a.b'])).rejects.toMatchObject({ code: 'invalid-argument' })
})

test.each([
  [[], 't'],
  [[''], 't'],
  [['.'], 't'],
  [['..'], 't'],
  [['a\u001Fb'], 't'],
  [['n'], ''],
  [['n'], '.'],
  [['n'], '..'],
  [['n'], 'lone \ud800 surrogate'],
])('refuses namespace %j and name %j, which no address can hold', async (namespace, name) => {
  await using fixture = await restFixture()
  await using catalog = await fixture.open()
  const count = fixture.server.seen.length
  const identifier = { namespace, name }
  await expect(catalog.loadTable(identifier)).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(catalog.createTable(identifier, sampleTable)).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(catalog.registerTable(identifier, '/x')).rejects.toMatchObject({ code: 'invalid-argument' })
  expect(fixture.server.seen).toHaveLength(count)
})
