import assert from 'node:assert/strict'
import {
  openTable,
  refreshTable,
  type Catalog,
  type CommitOutcome,
  type CreateTable,
  type FileIO,
  type LoadedTable,
  type TableIdentifier,
  type TableRequirement,
} from '@icebridge/iceberg-core'

/** An empty catalog. */
export interface CatalogFixture {
  /** Every call opens the same catalog anew, as another process would. */
  open(): Promise<Catalog>
  readonly io: FileIO
  /** Those of the names that this catalog can hold. Default: all. */
  tableNames?(names: readonly string[]): readonly string[]
  /** False for a catalog that leaves metadata files of lost races behind. */
  readonly cleansUp?: boolean
  /** True for a catalog whose server may fail on the one who loses a race, who does not know the outcome then. */
  readonly failsLosers?: boolean
  [Symbol.asyncDispose](): Promise<void>
}

export interface ConformanceTest {
  readonly name: string
  readonly run: () => Promise<void>
}

/** What every catalog must do. `create` gives a fresh, empty catalog for each test. */
export function catalogConformance(options: { create(): Promise<CatalogFixture> }): readonly ConformanceTest[] {
  return Object.entries(behaviours).map(([name, behaviour]) => ({
    name,
    run: async () => {
      await using fixture = await options.create()
      await using catalog = await fixture.open()
      await behaviour(catalog, fixture)
    },
  }))
}

/** A table with two columns, for tests. */
export const sampleTable: CreateTable = {
  schema: {
    schemaId: 0,
    identifierFieldIds: [],
    fields: [
      { id: 7, name: 'id', required: true, type: 'long' },
      { id: 9, name: 'name', required: false, type: 'string' },
    ],
  },
  properties: { owner: 'test' },
}

const orders: TableIdentifier = { namespace: ['erp_dbo'], name: 'orders' }

async function createOrders(catalog: Catalog): Promise<LoadedTable> {
  await catalog.createNamespace(orders.namespace)
  return await catalog.createTable(orders, sampleTable)
}

/** Commits one property. */
async function setProperty(
  catalog: Catalog,
  base: LoadedTable,
  change: { readonly name: string; readonly requirements?: readonly TableRequirement[] },
): Promise<CommitOutcome> {
  return await catalog.commitTable(orders, {
    base,
    requirements: change.requirements ?? [{ type: 'assert-table-uuid', uuid: base.metadata.tableUuid }],
    updates: [{ action: 'set-properties', updates: { [change.name]: 'yes' } }],
  })
}

function committed(outcome: CommitOutcome): LoadedTable {
  assert.equal(outcome.status, 'committed')
  // The line above has made sure of it; the union does not follow an assertion on a field.
  return (outcome as Extract<CommitOutcome, { status: 'committed' }>).table
}

async function metadataFiles({ io }: CatalogFixture, table: LoadedTable): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const entry of io.list(`${table.metadata.location}/metadata/`)) paths.push(entry.path)
  return paths.sort()
}

/** The table's metadata folder holds these files; and no others, where the catalog cleans up after itself. */
async function assertFiles(fixture: CatalogFixture, table: LoadedTable, expected: readonly string[]): Promise<void> {
  const found = await metadataFiles(fixture, table)
  const counted = fixture.cleansUp === false ? found.filter((path) => expected.includes(path)) : found
  assert.deepEqual(counted, [...expected].sort())
}

const behaviours: Readonly<Record<string, (catalog: Catalog, fixture: CatalogFixture) => Promise<void>>> = {
  'starts empty': async (catalog) => {
    assert.deepEqual(await catalog.listNamespaces(), [])
    assert.equal(await catalog.namespaceExists(['erp_dbo']), false)
    assert.equal(await catalog.tableExists(orders), false)
  },
  'creates, lists and drops namespaces': async (catalog, fixture) => {
    await catalog.createNamespace(['b'])
    await catalog.createNamespace(['a'], { comment: 'first' })
    await catalog.createNamespace(['a', 'x'])
    await assert.rejects(catalog.createNamespace(['a']), { code: 'already-exists' })
    await using other = await fixture.open()
    const names = (await other.listNamespaces()).map((levels) => levels.join('.'))
    assert.deepEqual(new Set(names), new Set(['a', 'b']))
    assert.equal(names.length, 2)
    assert.deepEqual(await other.listNamespaces({ parent: ['a'] }), [['a', 'x']])
    await assert.rejects(other.listNamespaces({ parent: ['c'] }), { code: 'no-such-namespace' })
    await assert.rejects(catalog.dropNamespace(['a']), { code: 'namespace-not-empty' })
    await catalog.dropNamespace(['a', 'x'])
    await catalog.dropNamespace(['a'])
    await assert.rejects(catalog.dropNamespace(['a']), { code: 'no-such-namespace' })
    assert.deepEqual(await other.listNamespaces(), [['b']])
  },
  'keeps properties of namespaces': async (catalog, fixture) => {
    if (catalog.namespaceProperties === undefined || catalog.updateNamespaceProperties === undefined) return
    await catalog.createNamespace(['a'])
    await catalog.createNamespace(['a', 'x'], { comment: 'first', owner: 'me' })
    await using other = await fixture.open()
    const own = async () => {
      const found = await other.namespaceProperties?.(['a', 'x'])
      return { comment: found?.['comment'], owner: found?.['owner'], reach: found?.['reach'] }
    }
    assert.deepEqual(await own(), { comment: 'first', owner: 'me', reach: undefined })
    await catalog.updateNamespaceProperties(['a', 'x'], {
      set: { comment: "it's ä second", reach: 'far' },
      remove: ['owner', 'never there'],
    })
    assert.deepEqual(await own(), { comment: "it's ä second", owner: undefined, reach: 'far' })
    const both = { set: { comment: 'c' }, remove: ['comment'] }
    await assert.rejects(catalog.updateNamespaceProperties(['a', 'x'], both), { code: 'invalid-argument' })
    await assert.rejects(catalog.namespaceProperties(['none']), { code: 'no-such-namespace' })
    await assert.rejects(catalog.updateNamespaceProperties(['none'], { set: { a: 'b' } }), {
      code: 'no-such-namespace',
    })
    assert.equal((await own()).comment, "it's ä second")
  },
  'does not take one namespace for another that begins like it': async (catalog) => {
    await catalog.createNamespace(['a_b'])
    await catalog.createNamespace(['a_b', 'x'])
    assert.equal(await catalog.namespaceExists(['a_b']), true)
    for (const name of ['a', 'A_B', 'a%', 'aXb', 'a_']) assert.equal(await catalog.namespaceExists([name]), false, name)
    assert.deepEqual(await catalog.listNamespaces(), [['a_b']])
  },
  'creates a table with fresh ids that another client loads alike': async (catalog, fixture) => {
    const created = await createOrders(catalog)
    assert.deepEqual(
      created.metadata.schemas[0]?.fields.map((field) => [field.id, field.name]),
      [
        [1, 'id'],
        [2, 'name'],
      ],
    )
    assert.equal(created.metadata.formatVersion, 2)
    await using other = await fixture.open()
    const loaded = await other.loadTable(orders)
    assert.equal(loaded.metadataLocation, created.metadataLocation)
    assert.deepEqual(loaded.metadata, created.metadata)
    assert.equal(await other.tableExists(orders), true)
    assert.deepEqual(await other.listTables(['erp_dbo']), [orders])
  },
  'keeps location, properties and format version as they were asked for': async (catalog) => {
    const { metadata } = await createOrders(catalog)
    const location = `${metadata.location}-elsewhere`
    const other = { ...orders, name: 'other' }
    const created = await catalog.createTable(other, { ...sampleTable, location, formatVersion: 3 })
    assert.equal(created.metadata.location, location)
    assert.equal(created.metadata.formatVersion, 3)
    assert.equal(created.metadata.properties['owner'], 'test')
    assert.ok(created.metadataLocation.startsWith(`${location}/metadata/`))
  },
  'refuses a table that exists and leaves no file behind': async (catalog, fixture) => {
    const created = await createOrders(catalog)
    await assert.rejects(catalog.createTable(orders, sampleTable), { code: 'already-exists' })
    await assertFiles(fixture, created, [created.metadataLocation])
  },
  'lets one of two clients that create the same table win': async (catalog, fixture) => {
    await catalog.createNamespace(orders.namespace)
    await using other = await fixture.open()
    const results = await Promise.allSettled([
      catalog.createTable(orders, sampleTable),
      other.createTable(orders, sampleTable),
    ])
    const lost = results.filter((result) => result.status === 'rejected').map((result) => result.reason.code)
    const mayNotKnow = fixture.failsLosers === true && lost[0] === 'commit-unknown'
    assert.deepEqual(lost, [mayNotKnow ? 'commit-unknown' : 'already-exists'])
    const table = await catalog.loadTable(orders)
    await assertFiles(fixture, table, [table.metadataLocation])
  },
  'names a missing table and a missing namespace': async (catalog) => {
    await assert.rejects(catalog.createTable(orders, sampleTable), { code: 'no-such-namespace' })
    await assert.rejects(catalog.loadTable(orders), { code: 'no-such-namespace' })
    await assert.rejects(catalog.listTables(['erp_dbo']), { code: 'no-such-namespace' })
    await catalog.createNamespace(orders.namespace)
    await assert.rejects(catalog.loadTable(orders), { code: 'no-such-table' })
    await assert.rejects(catalog.dropTable(orders), { code: 'no-such-table' })
    assert.deepEqual(await catalog.listTables(['erp_dbo']), [])
  },
  'takes table names with any characters apart': async (catalog, fixture) => {
    await catalog.createNamespace(['n'])
    const all = ['a b', 'a.b', 'a/b', 'a%20b', 'A B', '..', 'ä€😀', '[x]', "it's", 'select']
    const names = fixture.tableNames?.(all) ?? all
    for (const name of names) await catalog.createTable({ namespace: ['n'], name }, sampleTable)
    const locations = new Set<string>()
    for (const name of names) locations.add((await catalog.loadTable({ namespace: ['n'], name })).metadata.location)
    assert.equal(locations.size, names.length)
    const listed = await catalog.listTables(['n'])
    assert.deepEqual(listed.map((table) => table.name).sort(), [...names].sort())
  },
  'commits on the newest metadata and keeps the history of files': async (catalog, fixture) => {
    const created = await createOrders(catalog)
    const first = committed(await setProperty(catalog, created, { name: 'one' }))
    await using other = await fixture.open()
    const second = committed(await setProperty(other, first, { name: 'two' }))
    const loaded = await catalog.loadTable(orders)
    assert.deepEqual(loaded.metadata, second.metadata)
    assert.equal(loaded.metadata.properties['one'], 'yes')
    assert.equal(loaded.metadata.properties['two'], 'yes')
    assert.deepEqual(
      loaded.metadata.metadataLog.map((entry) => entry.metadataFile),
      [created.metadataLocation, first.metadataLocation],
    )
    assert.match(loaded.metadataLocation, /\/metadata\/00002-[0-9a-f-]{36}\.metadata\.json$/)
  },
  'commits from an old base when the requirements still hold': async (catalog) => {
    const created = await createOrders(catalog)
    committed(await setProperty(catalog, created, { name: 'one' }))
    const second = committed(await setProperty(catalog, created, { name: 'two' }))
    assert.equal(second.metadata.properties['one'], 'yes')
  },
  'answers conflict with the reason when a requirement does not hold, and changes nothing': async (
    catalog,
    fixture,
  ) => {
    const created = await createOrders(catalog)
    const requirements: readonly TableRequirement[] = [{ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 5n }]
    const outcome = await setProperty(catalog, created, { name: 'one', requirements })
    assert.equal(outcome.status, 'conflict')
    assert.ok('reason' in outcome && outcome.reason !== '')
    assert.deepEqual((await catalog.loadTable(orders)).metadata, created.metadata)
    await assertFiles(fixture, created, [created.metadataLocation])
  },
  'loses no commit when clients race, and leaves no file of a lost race': async (catalog, fixture) => {
    const created = await createOrders(catalog)
    await using other = await fixture.open()
    const clients = [catalog, other]
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        setProperty(clients[index % 2] ?? catalog, created, { name: `p${index}` }),
      ),
    )
    const won = outcomes.flatMap((outcome, index) => (outcome.status === 'committed' ? [`p${index}`] : []))
    assert.ok(won.length > 0)
    assert.ok(outcomes.every((outcome) => outcome.status !== 'unknown'))
    const { metadata, metadataLocation } = await catalog.loadTable(orders)
    const present = Object.keys(metadata.properties).filter((name) => name.startsWith('p'))
    assert.deepEqual(present.sort(), won.sort())
    const log = metadata.metadataLog.map((entry) => entry.metadataFile)
    await assertFiles(fixture, created, [...log, metadataLocation])
  },
  'refuses a commit to a table that is gone': async (catalog) => {
    const created = await createOrders(catalog)
    await catalog.dropTable(orders)
    await assert.rejects(setProperty(catalog, created, { name: 'late' }), { code: 'no-such-table' })
  },
  'drops a table and keeps its files, unless they are purged': async (catalog, fixture) => {
    const created = await createOrders(catalog)
    await catalog.dropTable(orders)
    assert.equal(await catalog.tableExists(orders), false)
    await assertFiles(fixture, created, [created.metadataLocation])
    const registered = await catalog.registerTable(orders, created.metadataLocation)
    assert.deepEqual(registered.metadata, created.metadata)
    await catalog.dropTable(orders, { purge: true })
    assert.deepEqual(await metadataFiles(fixture, created), [])
  },
  'registers an existing metadata file under a free name only': async (catalog) => {
    const created = await createOrders(catalog)
    const copy = { ...orders, name: 'copy' }
    await catalog.registerTable(copy, created.metadataLocation)
    assert.deepEqual((await catalog.loadTable(copy)).metadata, created.metadata)
    await assert.rejects(catalog.registerTable(copy, created.metadataLocation), { code: 'already-exists' })
    const missing = `${created.metadata.location}/metadata/none.metadata.json`
    await assert.rejects(catalog.registerTable({ ...orders, name: 'none' }, missing), { code: 'not-found' })
  },
  'renames a table, never onto another': async (catalog) => {
    if (catalog.renameTable === undefined) return
    const created = await createOrders(catalog)
    const renamed = { namespace: ['other'], name: 'renamed' }
    await assert.rejects(catalog.renameTable(orders, renamed), { code: 'no-such-namespace' })
    await catalog.createNamespace(['other'])
    await catalog.renameTable(orders, renamed)
    assert.equal((await catalog.loadTable(renamed)).metadataLocation, created.metadataLocation)
    await assert.rejects(catalog.loadTable(orders), { code: 'no-such-table' })
    await catalog.createTable(orders, sampleTable)
    await assert.rejects(catalog.renameTable(orders, renamed), { code: 'already-exists' })
    await assert.rejects(catalog.renameTable({ ...orders, name: 'x' }, orders), { code: 'no-such-table' })
  },
  'throws when it was aborted before anything was sent, and changes nothing': async (catalog, fixture) => {
    const created = await createOrders(catalog)
    const signal = AbortSignal.abort(new Error('stopped'))
    const commit = {
      base: created,
      requirements: [],
      updates: [{ action: 'remove-properties', removals: ['owner'] }],
    } as const
    await assert.rejects(catalog.commitTable(orders, commit, { signal }), /stopped/)
    await assert.rejects(catalog.dropTable(orders, { signal }), /stopped/)
    assert.deepEqual((await catalog.loadTable(orders)).metadata, created.metadata)
    await assertFiles(fixture, created, [created.metadataLocation])
  },
  'opens a table as a handle that sees other commits once it is refreshed': async (catalog, fixture) => {
    const created = await createOrders(catalog)
    const handle = await openTable(catalog, orders, fixture.io)
    assert.deepEqual(handle.loaded.metadata, created.metadata)
    await using other = await fixture.open()
    const table = committed(await setProperty(other, created, { name: 'late' }))
    assert.equal((await refreshTable(handle)).loaded.metadataLocation, table.metadataLocation)
    assert.equal(handle.loaded.metadataLocation, created.metadataLocation)
  },
}
