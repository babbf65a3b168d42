import {
  closeStraightBatch,
  openStraightBatch,
  createStageBatch,
  createTargetBatch,
  ImportError,
  lockResource,
  mergeContext,
  planImport,
  positionKey,
  stageColumns,
  unitBatch,
  UpdateInsertMergeStrategy,
  UpsertMergeStrategy,
} from '@icebridge/sqlserver-import'
import type { MergeStrategy, UnitBatch } from '@icebridge/sqlserver-import'
import type { ColumnDefinition, TableDefinition } from '@icebridge/sqlserver'
import { describe, expect, test } from 'vitest'
import { column, primaryKey, table } from './definitions.ts'

const orders = table(
  [
    column('order]id', { name: 'int' }),
    column("it's", { name: 'nvarchar', length: 20 }, { nullable: true }),
    column('paid', { name: 'float' }, { nullable: true }),
    column('at', { name: 'datetimeoffset', scale: 7 }),
  ],
  { table: { schema: 'sales dept', name: 'select' } },
)

const everything = table([
  column('id', { name: 'nvarchar', length: 40 }, { collation: 'Latin1_General_100_CI_AI' }),
  column('seq', { name: 'bigint' }, { identity: { seed: '1', increment: '1' } }),
  column('note', { name: 'text' }, { nullable: true }),
  column('doc', { name: 'xml' }, { nullable: true }),
  column('body', { name: 'varbinary', length: 'max' }, { nullable: true }),
  column('place', { name: 'geography' }, { nullable: true }),
  column('ratio', { name: 'real' }),
  column('short', { name: 'varchar', length: 10 }),
])

/** The columns of a target that would be created. */
function plannedOf(definition: TableDefinition): readonly ColumnDefinition[] {
  return planImport(definition, undefined).columns.flatMap(({ target }) => target ?? [])
}

/** The batch of a unit; without a strategy it is a unit without rows. */
function unitOf(definition: TableDefinition, strategy?: MergeStrategy, more: Partial<UnitBatch> = {}): string {
  const plan = planImport(definition, undefined)
  return unitBatch({
    tableKey: "erp.dbo.it's",
    from: { tableUuid: '0A1B2C3D-0000-4000-8000-00000000000F', snapshotId: 7n, sequence: 41n },
    to: { tableUuid: '0a1b2c3d-0000-4000-8000-00000000000f', snapshotId: 9_007_199_254_740_993n, sequence: 50n },
    target: mergeContext(plan, { tableLock: false }).target,
    lakeLocation: '/lake/orders',
    runId: 'run-1',
    atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    lockTimeoutMs: 5000,
    ...(strategy === undefined
      ? {}
      : {
          merge: {
            strategy,
            context: mergeContext(plan, { tableLock: false }),
            ascending: true,
            columns: plannedOf(definition),
          },
        }),
    ...more,
  })
}

test('the T-SQL of a straight load opens its transaction, and ends it', async () => {
  const load = {
    tableKey: "erp.dbo.it's",
    to: { tableUuid: '0A1B2C3D-0000-4000-8000-00000000000F', snapshotId: 9_007_199_254_740_993n, sequence: 50n },
    target: mergeContext(planImport(orders, undefined), { tableLock: false }).target,
    lakeLocation: '/lake/orders',
    runId: 'run-1',
    atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    lockTimeoutMs: 5000,
    rows: 50,
    columns: plannedOf(orders),
  }
  const text = `${openStraightBatch(load)}\n-- INSERT BULK\n${closeStraightBatch(load)}\n`
  await expect(text).toMatchFileSnapshot('snapshots/straight.sql')
})

describe('the T-SQL of a unit', () => {
  test('is one batch around one MERGE', async () => {
    await expect(unitOf(orders, new UpsertMergeStrategy())).toMatchFileSnapshot('snapshots/upsert-merge.sql')
  })

  test('is one batch around DELETE, UPDATE and INSERT', async () => {
    await expect(unitOf(orders, new UpdateInsertMergeStrategy())).toMatchFileSnapshot('snapshots/update-insert.sql')
  })

  test('writes identity values and compares every type by its bytes', async () => {
    await expect(unitOf(everything, new UpsertMergeStrategy())).toMatchFileSnapshot('snapshots/every-type.sql')
  })

  test('deletes before its merge what a reload does not contain', async () => {
    const context = mergeContext(planImport(everything, undefined), { tableLock: true })
    const strategy = new UpsertMergeStrategy()
    const text = unitOf(everything, strategy, { removes: context })
    expect(text.indexOf('#keep')).toBeLessThan(text.indexOf('MERGE '))
    await expect(unitOf(everything, undefined, { removes: context })).toMatchFileSnapshot('snapshots/reload.sql')
  })

  test('inserts the position the first time and does not look for an older one', () => {
    const text = unitOf(orders, new UpsertMergeStrategy(), { from: undefined })
    expect(text).toContain('INSERT INTO [icebridge].[applied]')
    expect(text).toContain('IF @table_uuid IS NULL\n')
    expect(text).not.toContain('UPDATE [icebridge].[applied]')
  })

  test('moves only the position for a unit without rows', () => {
    const text = unitOf(orders)
    expect(text).not.toContain('#stage')
    expect(text).not.toContain('MERGE')
    expect(text).toContain('UPDATE [icebridge].[applied]')
  })

  test('checks sequence numbers for repeats only when they did not rise', () => {
    const plan = planImport(orders, undefined)
    const context = mergeContext(plan, { tableLock: true })
    const strategy = new UpsertMergeStrategy()
    expect(unitOf(orders, strategy)).not.toContain('HAVING COUNT_BIG(*) > 1')
    const text = unitOf(orders, strategy, {
      merge: { strategy, context, ascending: false, columns: plannedOf(orders) },
    })
    expect(text).toContain('HAVING COUNT_BIG(*) > 1')
    expect(text).toContain('WITH (HOLDLOCK, TABLOCKX)')
  })

  test('has no branch for updates when the key is all there is', () => {
    const keys = table([column('a', { name: 'int' }), column('b', { name: 'int' })], { keys: [primaryKey('a', 'b')] })
    for (const strategy of [new UpsertMergeStrategy(), new UpdateInsertMergeStrategy()]) {
      expect(unitOf(keys, strategy)).not.toContain('UPDATE SET')
      expect(unitOf(keys, strategy)).not.toContain('UPDATE t')
    }
  })

  test('refuses a time-out, a uuid and a number that are none', () => {
    const strategy = new UpsertMergeStrategy()
    expect(() => unitOf(orders, strategy, { lockTimeoutMs: 1.5 })).toThrow(ImportError)
    expect(() =>
      unitOf(orders, strategy, { from: { tableUuid: "x'; DROP TABLE t; --", snapshotId: 1n, sequence: 1n } }),
    ).toThrow('is not a table uuid')
    expect(() =>
      unitOf(orders, strategy, {
        to: { tableUuid: '0a1b2c3d-0000-4000-8000-00000000000f', snapshotId: 1n, sequence: 2n ** 63n },
      }),
    ).toThrow('does not fit 64 bits')
  })
})

describe('the T-SQL of a stage', () => {
  test('has generated names, the target types and a collation for every string', async () => {
    const plan = planImport(everything, undefined)
    await expect(createStageBatch(stageColumns(plan))).toMatchFileSnapshot('snapshots/stage.sql')
  })

  test('is not made for a plan with problems', () => {
    const plan = planImport(orders, table([column('order]id', { name: 'int' })]))
    expect(() => stageColumns(plan)).toThrow(expect.objectContaining({ name: 'ImportError', code: 'plan' }))
    expect(() => stageColumns(plan)).toThrow("it's: the target has no such column")
  })
})

describe('the T-SQL of a created target', () => {
  const source = table(
    [
      column('id', { name: 'int' }, { identity: { seed: '-5', increment: '2' } }),
      column('name', { name: 'nvarchar', length: 20 }, { nullable: true, collation: 'Turkish_CI_AS' }),
      column('rv', { name: 'rowversion' }),
      column('twice', { name: 'int' }, { computed: { expression: '([id]*(2))', persisted: true }, nullable: true }),
    ],
    { keys: [{ ...primaryKey('id'), columns: [{ name: 'id', descending: true }] }] },
  )

  test('has the types, collations, identity and key of the source', async () => {
    const text = createTargetBatch(source, { schema: 'new]schema', name: "it's" }, { tableKey: 'erp.dbo.x' })
    await expect(text).toMatchFileSnapshot('snapshots/create-target.sql')
  })

  test('makes computed columns again on request', () => {
    const text = createTargetBatch(source, { schema: 'dbo', name: 'x' }, { computedColumns: 'recreate' })
    expect(text).toContain('[twice] AS ([id]*(2)) PERSISTED')
  })

  test('makes the unique index of a source without a primary key', () => {
    const indexed = table([column('id', { name: 'int' })], {
      keys: [{ ...primaryKey('id'), name: 'ux', kind: 'unique-index', clustered: false }],
    })
    expect(createTargetBatch(indexed, { schema: 'dbo', name: 'x' })).toContain(
      'CREATE UNIQUE NONCLUSTERED INDEX [ux] ON [dbo].[x] ([id]);',
    )
  })

  test('lets no text of a damaged definition into the statement', () => {
    const evil = table([column('id', { name: 'nvarchar', length: 5 }, { collation: 'x; DROP TABLE t' })])
    expect(() => createTargetBatch(evil, { schema: 'dbo', name: 'x' })).toThrow('is not the name of a collation')
    const seed = table([column('id', { name: 'int' }, { identity: { seed: '1); DROP TABLE t', increment: '1' } })])
    expect(() => createTargetBatch(seed, { schema: 'dbo', name: 'x' })).toThrow('is not the seed or increment')
  })
})

describe('the names under which a table stands in the target', () => {
  test('stay within 400 and 255 characters and stay distinct', () => {
    const long = 'x'.repeat(500)
    expect(positionKey('erp.dbo.orders')).toBe('erp.dbo.orders')
    expect(positionKey(long)).toHaveLength(400)
    expect(lockResource(long)).toHaveLength(255)
    expect(positionKey(`${long}a`)).not.toBe(positionKey(`${long}b`))
    expect(lockResource(`${long}a`)).not.toBe(lockResource(`${long}b`))
  })

  test('are refused when empty', () => {
    expect(() => positionKey('')).toThrow('the table key is empty')
  })
})
