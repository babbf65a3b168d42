import { SqlServerImporter } from '@icebridge/sqlserver-import'
import type { ApplyOptions, Target } from '@icebridge/sqlserver-import'
import { testTableUuid, unitOfRows } from '@icebridge/sqlserver-import/testing'
import type { UnitRow } from '@icebridge/sqlserver-import/testing'
import type { SqlServer, TableDefinition } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deadlock, FaultyTarget, lost } from './faulty-target.ts'
import type { Call } from './faulty-target.ts'
import { TargetServer } from './target-server.ts'

const tableKey = 'erp.dbo.orders'
const options: ApplyOptions = {
  tableKey,
  tableUuid: testTableUuid,
  position: undefined,
  lakeLocation: '/lake/orders',
  runId: 'run-1',
}
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

async function prepared(target: SqlServer): Promise<TableDefinition> {
  await importerOf(target).prepare()
  await target.batch('CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(20) NOT NULL)')
  return await target.describeTable({ schema: 'dbo', name: 'orders' })
}

async function idsIn(target: SqlServer): Promise<readonly unknown[]> {
  return (await target.query({ text: 'SELECT [id] FROM [dbo].[orders] ORDER BY [id]' })).map((row) => row['id'])
}

const isMerge = ({ verb, text }: Call): boolean => verb === 'batch' && text.includes('MERGE [dbo].[orders]')

describe('a unit whose target fails', () => {
  test('finds a unit applied whose COMMIT was never answered, and writes nothing twice', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call) => (isMerge(call) ? 'lost after' : 'pass'))
    const importer = importerOf(faulty)
    const unit = unitOfRows(definition, rows, { from: 1n })
    expect(await importer.apply(unit, importer.plan(definition, definition), options)).toEqual({
      status: 'alreadyApplied',
      position: after,
      attempts: 1,
    })
    expect(faulty.calls.filter(isMerge)).toHaveLength(1)
    expect(faulty.count('connect')).toBe(2)
    expect(await idsIn(target)).toEqual([1, 2, 3])
    expect(await importerOf(target).position(tableKey)).toEqual(after)
  })

  test('repeats a unit whose connection was lost before the merge', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    let merges = 0
    const faulty = new FaultyTarget(target, (call) => (isMerge(call) && (merges += 1) === 1 ? 'lost before' : 'pass'))
    const importer = importerOf(faulty)
    const unit = unitOfRows(definition, rows, { from: 1n })
    expect(await importer.apply(unit, importer.plan(definition, definition), options)).toMatchObject({
      status: 'applied',
      merge: { inserted: 3n },
      attempts: 2,
    })
    expect(faulty.count('bulkLoad')).toBe(2)
    expect(await idsIn(target)).toEqual([1, 2, 3])
  })

  test('repeats a unit whose connection was lost in the middle of the load', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call, nth) =>
      call.verb === 'bulkLoad' && nth === 1 ? 'lost during' : 'pass',
    )
    const importer = importerOf(faulty)
    const unit = unitOfRows(definition, rows, { from: 1n, rowsPerBatch: 1 })
    expect(await importer.apply(unit, importer.plan(definition, definition), options)).toMatchObject({
      status: 'applied',
      attempts: 2,
    })
    expect(faulty.count('connect')).toBe(2)
    expect(await idsIn(target)).toEqual([1, 2, 3])
  })

  test('repeats the merge on the stage it has when the server reports a deadlock', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    let merges = 0
    const faulty = new FaultyTarget(target, (call) => (isMerge(call) && (merges += 1) < 3 ? deadlock() : 'pass'))
    const importer = importerOf(faulty)
    const unit = unitOfRows(definition, rows, { from: 1n })
    expect(await importer.apply(unit, importer.plan(definition, definition), options)).toMatchObject({
      status: 'applied',
      attempts: 3,
    })
    expect(faulty.count('bulkLoad')).toBe(1)
    expect(faulty.count('connect')).toBe(1)
  })

  test('gives up after the attempts it has, with the last answer as the cause', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call) => (isMerge(call) ? deadlock() : 'pass'))
    const importer = importerOf(faulty, 3)
    const unit = unitOfRows(definition, rows, { from: 1n })
    await expect(importer.apply(unit, importer.plan(definition, definition), options)).rejects.toMatchObject({
      code: 'attempts-exhausted',
      retryable: true,
      cause: { code: 'deadlock' },
    })
    expect(faulty.calls.filter(isMerge)).toHaveLength(3)
    expect(await importerOf(target).position(tableKey)).toBeUndefined()
  })

  test('says that the outcome is unknown when the target no longer answers, and finds out the next time', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, (call, nth) => {
      if (isMerge(call)) return 'lost after'
      return call.verb === 'connect' && nth > 1 ? lost() : 'pass'
    })
    const unit = unitOfRows(definition, rows, { from: 1n })
    const plan = importerOf(target).plan(definition, definition)
    await expect(importerOf(faulty, 2).apply(unit, plan, options)).rejects.toMatchObject({
      code: 'outcome-unknown',
      retryable: true,
    })
    expect(await importerOf(target).apply(unit, plan, options)).toMatchObject({ status: 'alreadyApplied' })
    expect(await idsIn(target)).toEqual([1, 2, 3])
  })

  test('answers conflict when another importer went on while the outcome was unknown', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const other = importerOf(target)
    const plan = other.plan(definition, definition)
    const first = unitOfRows(definition, rows.slice(0, 1), { from: 1n })
    const faulty = new FaultyTarget(target, (call) => (isMerge(call) ? 'lost before' : 'pass'))
    const unit = unitOfRows(definition, rows, { from: 1n })
    const slow: Target = {
      query: faulty.query,
      batch: faulty.batch,
      connection: async (more) => {
        if (faulty.count('connect') === 1) await other.apply(first, plan, options)
        return await faulty.connection(more)
      },
    }
    expect(await importerOf(slow).apply(unit, plan, options)).toMatchObject({
      status: 'conflict',
      position: { sequence: 1n },
    })
    expect(await idsIn(target)).toEqual([1])
  })

  test('stops for an abort, writes nothing, and takes the unit when it is asked again', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const plan = importer.plan(definition, definition)
    const controller = new AbortController()
    const unit = unitOfRows(definition, rows, { from: 1n, rowsPerBatch: 1 })
    let finished = 0
    const watched = {
      ...unit,
      batches: {
        async *[Symbol.asyncIterator]() {
          try {
            for await (const batch of unit.batches) {
              yield batch
              controller.abort(new Error('enough'))
            }
          } finally {
            finished += 1
          }
        },
      },
    }
    await expect(importer.apply(watched, plan, { ...options, signal: controller.signal })).rejects.toThrow()
    expect(finished).toBe(1)
    expect(await idsIn(target)).toEqual([])
    expect(await importer.apply(unit, plan, options)).toMatchObject({ status: 'applied', attempts: 1 })
  })

  test('does not begin when the abort came first', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const faulty = new FaultyTarget(target, () => 'pass')
    const importer = importerOf(faulty)
    const unit = unitOfRows(definition, rows, { from: 1n })
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(importer.apply(unit, importer.plan(definition, definition), { ...options, signal })).rejects.toThrow(
      'too late',
    )
    expect(faulty.calls).toEqual([])
  })
})
