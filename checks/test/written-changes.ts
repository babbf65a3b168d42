import { systemEnvironment } from '@icebridge/iceberg-catalog'
import {
  createBranch,
  createTag,
  currentSnapshot,
  eq,
  isIn,
  isNull,
  expireSnapshots,
  rewriteManifests,
  rowDelta,
  updatePartitionSpec,
  updateSchema,
  upgradeFormatVersion,
  type TableHandle,
} from '@icebridge/iceberg-core'
import {
  compact,
  deleteWhere,
  EqualityDeleteWriter,
  overwritePartitions,
  overwriteWhere,
  upsert,
} from '@icebridge/iceberg-io'
import { appended, batchFor, committed, filesOf, type Row, type WrittenLake } from './written-lake.ts'
import { field, small, smallRows, type WrittenTable } from './written-tables.ts'

const environment = systemEnvironment

/** Rows deleted and replaced in each of the ways there are. */
export async function rowLevel(lake: WrittenLake): Promise<readonly WrittenTable[]> {
  const tables: WrittenTable[] = []
  for (const formatVersion of [2, 3] as const) {
    for (const mode of ['merge-on-read', 'copy-on-write'] as const) {
      for (const partitioned of [false, true]) {
        const name = `${mode.replaceAll('-', '_')}_v${formatVersion}${partitioned ? '_partitioned' : ''}`
        let table = await lake.create(name, {
          ...small,
          formatVersion,
          partition: partitioned ? [['category', { kind: 'identity' }]] : [],
        })
        table = await appended(table, smallRows(0, 12))
        table = await appended(table, smallRows(12, 20))
        table = committed(await deleteWhere(table, isIn('id', [0, 3, 13]), { environment, mode }))
        table = committed(
          await upsert(
            table,
            [
              batchFor(table, [
                [5n, 'changed', -1],
                [15n, null, null],
                [40n, 'new', 1],
              ]),
            ],
            { environment, mode },
          ),
        )
        table = committed(await deleteWhere(table, isNull('category'), { environment, mode }))
        table = committed(
          await overwriteWhere(
            table,
            { where: eq('category', 'c1'), rows: [batchFor(table, [[60n, 'c1', 7]])] },
            { environment, mode },
          ),
        )
        tables.push({
          name,
          table,
          lineage: formatVersion === 3,
          wheres: [[['category', 'eq', 'c2']], [['id', 'gteq', { long: '10' }]]],
        })
      }
    }
  }
  return [
    ...tables,
    await equality(lake),
    await equalityPartitioned(lake),
    await compacted(lake),
    await upgraded(lake),
    await maintained(lake),
  ]
}

async function equality(lake: WrittenLake): Promise<WrittenTable> {
  let table = await appended(await lake.create('equality_deletes', small), smallRows(0, 12))
  table = await equalityDelete(table, ['id'], [[3n], [7n], [99n]])
  table = await appended(table, [[3n, 'again', 1]])
  table = await equalityDelete(
    table,
    ['category', 'n'],
    [
      [null, 40],
      ['c0', null],
      ['c1', 10],
    ],
  )
  table = await appended(table, smallRows(12, 15))
  return { name: 'equality_deletes', table }
}

async function equalityPartitioned(lake: WrittenLake): Promise<WrittenTable> {
  const created = await lake.create('equality_deletes_partitioned', {
    ...small,
    partition: [['category', { kind: 'identity' }]],
  })
  const table = await appended(created, smallRows(0, 12))
  return {
    name: 'equality_deletes_partitioned',
    table: await equalityDelete(
      table,
      ['id', 'category'],
      [
        [1n, 'c1'],
        [2n, 'c2'],
        [4n, null],
      ],
    ),
  }
}

async function equalityDelete(
  table: TableHandle,
  columns: readonly string[],
  rows: readonly Row[],
): Promise<TableHandle> {
  const writer = new EqualityDeleteWriter(table, { environment, columns })
  await writer.write(batchFor(table, rows, columns))
  return committed(await rowDelta(table, { addDeletes: await writer.finish() }, { environment }))
}

async function compacted(lake: WrittenLake): Promise<WrittenTable> {
  let table = await lake.create('compacted', small)
  for (let from = 0; from < 20; from += 4) table = await appended(table, smallRows(from, from + 4))
  table = committed(await deleteWhere(table, isIn('id', [1, 9, 18]), { environment, mode: 'merge-on-read' }))
  table = committed(await compact(table, { environment, all: true }))
  return { name: 'compacted', table: await appended(table, smallRows(20, 22)) }
}

/** Partitions overwritten, manifests rewritten, snapshots expired. */
async function maintained(lake: WrittenLake): Promise<WrittenTable> {
  let table = await lake.create('maintained', { ...small, partition: [['category', { kind: 'identity' }]] })
  for (let from = 0; from < 20; from += 4) table = await appended(table, smallRows(from, from + 4))
  table = committed(await overwritePartitions(table, [batchFor(table, [[50n, 'c1', 1]])], { environment }))
  table = committed(await rewriteManifests(table, {}, { environment }))
  table = await appended(table, smallRows(60, 62))
  const selection = { retainLast: 2, olderThanMs: environment.nowMs() + 60_000 }
  table = committed(await expireSnapshots(table, selection, { environment }))
  return { name: 'maintained', table, wheres: [[['category', 'eq', 'c1']]] }
}

/** Position deletes of version 2, then deletion vectors. */
async function upgraded(lake: WrittenLake): Promise<WrittenTable> {
  let table = await appended(await lake.create('upgraded', small), smallRows(0, 12))
  table = committed(await deleteWhere(table, isIn('id', [1, 2]), { environment, mode: 'merge-on-read' }))
  table = committed(await upgradeFormatVersion(table, { formatVersion: 3 }, { environment }))
  table = await appended(table, smallRows(12, 15))
  return {
    name: 'upgraded',
    table: committed(await deleteWhere(table, isIn('id', [3, 13]), { environment, mode: 'merge-on-read' })),
  }
}

/** Schemas and specs that changed, refs, defaults. */
export async function evolved(lake: WrittenLake): Promise<readonly WrittenTable[]> {
  return [await columns(lake), await nested(lake), await specs(lake), await refs(lake), await defaults(lake)]
}

async function columns(lake: WrittenLake): Promise<WrittenTable> {
  let table = await lake.create('schema_evolution', {
    fields: [
      field(1, 'id', 'int', true),
      field(2, 'i', 'int'),
      field(3, 'f', 'float'),
      field(4, 'dec', { kind: 'decimal', precision: 7, scale: 2 }),
      field(5, 'gone', 'string'),
      field(6, 'old', 'string'),
    ],
  })
  table = await appended(table, [
    [1, -5, Math.fround(0.1), 1_234_567n, 'x', 'first'],
    [2, null, Number.NaN, -1n, null, null],
  ])
  table = committed(
    await updateSchema(
      table,
      {
        dropColumns: ['gone'],
        renameColumns: [{ column: 'old', name: 'new' }],
        updateTypes: [
          { column: 'i', type: 'long' },
          { column: 'f', type: 'double' },
          { column: 'dec', type: { kind: 'decimal', precision: 38, scale: 2 } },
        ],
        addColumns: [{ name: 'added', type: 'date' }],
        moveColumns: [{ column: 'added', to: 'first' }],
      },
      { environment },
    ),
  )
  table = await appended(table, [[19_000, 3, 2n ** 40n, 0.1, 10n ** 38n - 1n, 'third']])
  table = committed(await updateSchema(table, { addColumns: [{ name: 'gone', type: 'int' }] }, { environment }))
  table = await appended(table, [[null, 4, 1n, -0, 0n, null, 7]])
  return {
    name: 'schema_evolution',
    table,
    wheres: [
      [['i', 'gteq', { long: '1' }]],
      [['new', 'eq', 'first']],
      [['dec', 'eq', '12345.67']],
      [['added', 'is-null']],
      [['gone', 'eq', 7]],
    ],
  }
}

async function nested(lake: WrittenLake): Promise<WrittenTable> {
  const struct = { kind: 'struct', fields: [field(3, 'a', 'int'), field(4, 'b', 'string')] } as const
  const element = { kind: 'struct', fields: [field(6, 'p', 'int')] } as const
  let table = await lake.create('schema_evolution_nested', {
    fields: [
      field(1, 'id', 'int', true),
      field(2, 's', struct),
      field(5, 'l', { kind: 'list', elementId: 7, element, elementRequired: false }),
    ],
  })
  table = await appended(table, [
    [1, [5, 'b'], [[1], null]],
    [2, null, null],
    [3, [null, null], []],
  ])
  table = committed(
    await updateSchema(
      table,
      {
        renameColumns: [{ column: 's.b', name: 'bee' }],
        updateTypes: [{ column: 's.a', type: 'long' }],
        addColumns: [{ parent: 's', name: 'c', type: 'string' }],
      },
      { environment },
    ),
  )
  return { name: 'schema_evolution_nested', table: await appended(table, [[4, [2n ** 40n, 'bee', 'c'], [[2]]]]) }
}

async function specs(lake: WrittenLake): Promise<WrittenTable> {
  let table = await lake.create('partition_evolution', { ...small, partition: [['category', { kind: 'identity' }]] })
  table = await appended(table, smallRows(0, 6))
  table = committed(
    await updatePartitionSpec(
      table,
      { removeFields: ['category'], addFields: [{ column: 'id', transform: { kind: 'bucket', buckets: 4 } }] },
      { environment },
    ),
  )
  table = await appended(table, smallRows(6, 12))
  table = committed(
    await updatePartitionSpec(
      table,
      { addFields: [{ column: 'n', transform: { kind: 'truncate', width: 50 } }] },
      { environment },
    ),
  )
  table = await appended(table, smallRows(12, 18))
  return {
    name: 'partition_evolution',
    table,
    wheres: [[['category', 'eq', 'c1']], [['id', 'eq', { long: '13' }]], [['n', 'gteq', 100]]],
  }
}

async function refs(lake: WrittenLake): Promise<WrittenTable> {
  let table = await appended(await lake.create('branches_and_tags', small), smallRows(0, 3))
  const snapshotId = currentSnapshot(table.loaded.metadata)?.snapshotId
  if (snapshotId === undefined) throw new TypeError('the table has a snapshot')
  table = committed(await createTag(table, { name: 'first', at: { snapshotId } }, { environment }))
  table = committed(await createBranch(table, { name: 'audit', at: { snapshotId } }, { environment }))
  table = await appended(table, smallRows(3, 6))
  table = committed(
    await rowDelta(table, { branch: 'audit', add: await filesOf(table, smallRows(100, 102)) }, { environment }),
  )
  return { name: 'branches_and_tags', table }
}

async function defaults(lake: WrittenLake): Promise<WrittenTable> {
  let table = await appended(await lake.create('initial_defaults', { ...small, formatVersion: 3 }), smallRows(0, 3))
  table = committed(
    await updateSchema(
      table,
      {
        addColumns: [
          { name: 'l', type: 'long', initialDefault: 9007199254740993n },
          { name: 's', type: 'string', initialDefault: 'по умолчанию 😀' },
          { name: 'dec', type: { kind: 'decimal', precision: 20, scale: 2 }, initialDefault: '-1.50' },
          { name: 'day', type: 'date', initialDefault: '1969-12-31' },
        ],
      },
      { environment },
    ),
  )
  return { name: 'initial_defaults', table: await appended(table, [[9n, null, null, null, null, null, null]]) }
}

/** A table with so many snapshots, and manifests that were merged on the way. */
export async function manySnapshots(lake: WrittenLake, count: number): Promise<WrittenTable> {
  let table = await lake.create('many_snapshots', small)
  for (let id = 0; id < count; id++) table = await appended(table, smallRows(id, id + 1))
  const { snapshots } = table.loaded.metadata
  const picked = [snapshots[0], snapshots[Math.floor(count / 2)]].flatMap((snapshot) =>
    snapshot === undefined ? [] : [snapshot.snapshotId],
  )
  return { name: 'many_snapshots', table, snapshots: picked, wheres: [[['id', 'eq', { long: String(count - 3) }]]] }
}
