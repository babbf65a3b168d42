import { SqlServerImporter } from '@icebridge/sqlserver-import'
import type { StraightResult, Target } from '@icebridge/sqlserver-import'
import { testTableUuid, unitOfRows } from '@icebridge/sqlserver-import/testing'
import type { UnitRow } from '@icebridge/sqlserver-import/testing'
import type { SqlServer, TableDefinition } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deadlock, FaultyTarget, lost } from './faulty-target.ts'
import type { Call } from './faulty-target.ts'
import { TargetServer } from './target-server.ts'

const tableKey = 'erp.dbo.orders'
const options = { tableKey, tableUuid: testTableUuid, lakeLocation: '/lake/orders', runId: 'run-1' }
const after = { tableUuid: testTableUuid, snapshotId: 1n, sequence: 3n }
const rows: readonly UnitRow[] = [1, 2, 3].map((id) => ({ op: 'upsert', values: { id, name: `n${id}` } }))

let targets: TargetServer
beforeAll(async () => {
  targets = await TargetServer.open()
})
afterAll(async () => await targets.close())

function importerOf(target: Target, attempts = 5): SqlServerImporter {
  const environment = { nowMs: () => Date.UTC(2026, 0, 1), sleep: async () => {} }
  return new SqlServerImporter({ target, environment, attempts })
}

async function prepared(target: SqlServer, more = ''): Promise<TableDefinition> {
  await importerOf(target).prepare()
  await target.batch(`CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(20) NOT NULL${more})`)
  return await target.describeTable({ schema: 'dbo', name: 'orders' })
}

async function load(
  target: Target,
  definition: TableDefinition,
  more: { attempts?: number; signal?: AbortSignal } = {},
): Promise<StraightResult> {
  const importer = importerOf(target, more.attempts)
  const unit = unitOfRows(definition, rows, { from: 1n, rowsPerBatch: 1 })
  return await importer.loadStraight(unit, importer.plan(definition, definition), {
    ...options,
    ...(more.signal === undefined ? {} : { signal: more.signal }),
  })
}

async function idsIn(target: SqlServer): Promise<readonly unknown[]> {
  return (await target.query({ text: 'SELECT [id] FROM [dbo].[orders] ORDER BY [id]' })).map((row) => row['id'])
}

const isOpening = ({ verb, text }: Call): boolean => verb === 'batch' && text.includes('@occupied')
const isClosing = ({ verb, text }: Call): boolean =>
  verb === 'batch' && text.includes('COUNT_BIG(*) FROM [dbo].[orders]')

describe('a straight load whose target fails', () => {
  test('finds the load applied whose COMMIT was never answered, and loads nothing twice', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call) => (isClosing(call) ? 'lost after' : 'pass'))
    expect(await load(faulty, definition)).toEqual({ status: 'alreadyApplied', position: after, attempts: 1 })
    expect(faulty.count('bulkLoad')).toBe(1)
    expect(await idsIn(target)).toEqual([1, 2, 3])
  })

  test.each([
    ['before its transaction began', (call: Call, nth: number) => isOpening(call) && nth === 1 && 'lost before'],
    ['after its transaction began', (call: Call, nth: number) => isOpening(call) && nth === 1 && 'lost after'],
    ['in the middle of the rows', (call: Call, nth: number) => call.verb === 'bulkLoad' && nth === 1 && 'lost during'],
    ['before its COMMIT', (call: Call, nth: number) => isClosing(call) && nth === 2 && 'lost before'],
    ['by a deadlock in the rows', (call: Call, nth: number) => call.verb === 'bulkLoad' && nth === 1 && deadlock()],
    ['by a deadlock at its end', (call: Call, nth: number) => isClosing(call) && nth === 2 && deadlock()],
  ] as const)('repeats a load that is lost %s', async (_, fate) => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call, nth) => fate(call, nth) || 'pass')
    expect(await load(faulty, definition)).toMatchObject({ status: 'applied', attempts: 2, merge: { inserted: 3n } })
    expect(await idsIn(target)).toEqual([1, 2, 3])
    expect(await importerOf(target).position(tableKey)).toEqual(after)
  })

  test('gives up after the attempts it has, and the target is as it was', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call) => (call.verb === 'bulkLoad' ? deadlock() : 'pass'))
    await expect(load(faulty, definition, { attempts: 3 })).rejects.toMatchObject({
      code: 'attempts-exhausted',
      retryable: true,
    })
    expect(faulty.count('bulkLoad')).toBe(3)
    expect(await idsIn(target)).toEqual([])
  })

  test('says that the outcome is unknown when the target no longer answers, and finds out the next time', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call, nth) => {
      if (isClosing(call)) return 'lost after'
      return call.verb === 'connect' && nth > 1 ? lost() : 'pass'
    })
    await expect(load(faulty, definition, { attempts: 2 })).rejects.toMatchObject({ code: 'outcome-unknown' })
    expect(await load(target, definition)).toMatchObject({ status: 'alreadyApplied' })
  })

  test('stops for an abort in the middle of the rows, and nothing stays', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const controller = new AbortController()
    const importer = importerOf(target)
    const unit = unitOfRows(definition, rows, { from: 1n, rowsPerBatch: 1 })
    const loading = importer.loadStraight(unit, importer.plan(definition, definition), {
      ...options,
      signal: controller.signal,
      onProgress: (loaded) => loaded === 2 && controller.abort(new Error('enough')),
    })
    await expect(loading).rejects.toThrow('enough')
    expect(await idsIn(target)).toEqual([])
    expect(await load(target, definition)).toMatchObject({ status: 'applied', attempts: 1 })
  })

  test('keeps everybody else out of the target until it ends', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const tried: unknown[] = []
    const faulty = new FaultyTarget(target, () => 'pass')
    const watching: Target = {
      query: faulty.query,
      batch: faulty.batch,
      connection: async (more) => {
        const connection = await faulty.connection(more)
        return {
          ...connection,
          bulkLoad: async (into, batches, bulk) => {
            const insert = `SET LOCK_TIMEOUT 50; INSERT INTO [dbo].[orders] VALUES (9, N'stranger')`
            tried.push(await target.batch(insert).catch((error: unknown) => error))
            return await connection.bulkLoad(into, batches, bulk)
          },
        }
      },
    }
    expect(await load(watching, definition)).toMatchObject({ status: 'applied' })
    expect(tried).toMatchObject([{ context: { number: 1222 } }])
    expect(await idsIn(target)).toEqual([1, 2, 3])
  })

  test('declines when the target took fewer rows than were loaded', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, () => 'pass')
    const dropping: Target = {
      query: faulty.query,
      batch: faulty.batch,
      connection: async (more) => {
        const connection = await target.connection(more)
        return {
          batch: async (sql, bulk) => await connection.batch(sql, bulk),
          bulkLoad: async (into, batches, bulk) => {
            const result = await connection.bulkLoad(into, batches, bulk)
            await connection.batch('DELETE FROM [dbo].[orders] WHERE [id] = 2')
            return result
          },
          close: async () => await connection.close(),
          destroy: () => connection.destroy(),
        }
      },
    }
    expect(await load(dropping, definition)).toMatchObject({ status: 'declined', reason: 'rows' })
    expect(await idsIn(target)).toEqual([])
  })

  test('throws a value that does not fit, by key and column, and the target is as it was', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const long = unitOfRows(definition, [...rows, { op: 'upsert', values: { id: 4, name: 'x'.repeat(21) } }], {
      from: 1n,
    })
    const importer = importerOf(target)
    await expect(importer.loadStraight(long, importer.plan(definition, definition), options)).rejects.toMatchObject({
      code: 'invalid-value',
      message: '[dbo].[orders], column name, row with id = 4: the value is longer than 20 characters',
    })
    expect(await idsIn(target)).toEqual([])
    expect(await importerOf(target).position(tableKey)).toBeUndefined()
  })

  test.each([
    [', [body] xml NULL', 'column-type'],
    [', [note] nvarchar(max) NULL, [extra] int NOT NULL DEFAULT 5', 'default'],
  ])('declines by the plan alone: %s', async (more, reason) => {
    await using target = await targets.database()
    const definition = await prepared(target, more)
    const source = { ...definition, columns: definition.columns.filter(({ name }) => name !== 'extra') }
    const importer = importerOf(target)
    const plan = importer.plan(source, definition)
    expect(plan.straight).toMatchObject({ possible: false, reason })
    const unit = unitOfRows(source, rows, { from: 1n })
    expect(await importer.loadStraight(unit, plan, options)).toMatchObject({
      status: 'declined',
      reason: 'plan',
      attempts: 0,
    })
  })
})
