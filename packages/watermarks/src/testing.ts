import assert from 'node:assert/strict'
import type { WatermarkRecord, WatermarkStore } from './store.ts'

/** One empty place for watermarks. */
export interface WatermarkStoreFixture {
  /** Opens a store over the place; every call gives another store over the same records. */
  open(): Promise<WatermarkStore>
  [Symbol.asyncDispose](): Promise<void>
}

export interface ConformanceTest {
  readonly name: string
  readonly run: () => Promise<void>
}

/** What every watermark store must do. `create` gives a fresh, empty place for each test. */
export function watermarkStoreConformance(options: {
  create(): Promise<WatermarkStoreFixture>
}): readonly ConformanceTest[] {
  return Object.entries(behaviours).map(([name, behaviour]) => ({
    name,
    run: async () => {
      await using fixture = await options.create()
      await behaviour(fixture)
    },
  }))
}

/** A complete record for tests. */
export function sampleRecord(table: string, watermark = '0x0000000000000001'): WatermarkRecord {
  return {
    table,
    strategy: 'rowversion',
    watermark,
    snapshotId: '9223372036854775807',
    sequence: '1150',
    updatedAt: '2026-01-02T03:04:05.678Z',
    runId: '0191d0a4-0000-7000-8000-000000000001',
  }
}

const behaviours: Readonly<Record<string, (fixture: WatermarkStoreFixture) => Promise<void>>> = {
  'has no record of a table that was never written': async (fixture) => {
    await using store = await fixture.open()
    assert.equal(await store.read('erp.dbo.orders'), undefined)
    assert.deepEqual(await store.list(), [])
  },
  'gives back what was written, to another store too': async (fixture) => {
    await using store = await fixture.open()
    const record = sampleRecord('erp.dbo.orders')
    await store.write(record)
    assert.deepEqual(await store.read('erp.dbo.orders'), record)
    await using other = await fixture.open()
    assert.deepEqual(await other.read('erp.dbo.orders'), record)
  },
  'replaces a record and leaves the others': async (fixture) => {
    await using store = await fixture.open()
    await store.write(sampleRecord('a'))
    await store.write(sampleRecord('b', '0x02'))
    await store.write(sampleRecord('a', '0x03'))
    assert.equal((await store.read('a'))?.watermark, '0x03')
    assert.equal((await store.read('b'))?.watermark, '0x02')
  },
  'keeps names apart that differ in case, blanks or form': async (fixture) => {
    await using store = await fixture.open()
    const names = ['t', 'T', 't ', 'é', 'e\u0301', '__proto__', 'constructor', 'a"b\\c\n', '😀']
    for (const [index, name] of names.entries()) await store.write(sampleRecord(name, `0x0${index}`))
    await using other = await fixture.open()
    for (const [index, name] of names.entries()) assert.equal((await other.read(name))?.watermark, `0x0${index}`)
    assert.equal(await other.read('toString'), undefined)
  },
  'lists records in the order of their tables': async (fixture) => {
    await using store = await fixture.open()
    for (const name of ['b', 'a', 'C', 'c']) await store.write(sampleRecord(name))
    assert.deepEqual(
      (await store.list()).map((record) => record.table),
      ['C', 'a', 'b', 'c'],
    )
  },
  'deletes a record, and an absent one too': async (fixture) => {
    await using store = await fixture.open()
    await store.write(sampleRecord('a'))
    await store.write(sampleRecord('b'))
    await store.delete('a')
    await store.delete('a')
    assert.deepEqual(
      (await store.list()).map((record) => record.table),
      ['b'],
    )
  },
  'loses nothing when many writes run at once, in several stores': async (fixture) => {
    await using one = await fixture.open()
    await using two = await fixture.open()
    const names = Array.from({ length: 20 }, (_, index) => `table-${String(index).padStart(2, '0')}`)
    await Promise.all(names.map((name, index) => (index % 2 === 0 ? one : two).write(sampleRecord(name))))
    assert.deepEqual(
      (await one.list()).map((record) => record.table),
      names,
    )
  },
  'refuses a record with an empty field and keeps the old one': async (fixture) => {
    await using store = await fixture.open()
    await store.write(sampleRecord('a'))
    await assert.rejects(store.write({ ...sampleRecord('a'), watermark: '' }), { code: 'invalid-argument' })
    assert.deepEqual(await store.read('a'), sampleRecord('a'))
  },
  'throws when it was aborted, and changes nothing': async (fixture) => {
    await using store = await fixture.open()
    const signal = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(store.write(sampleRecord('a'), { signal }), /stopped/)
    await assert.rejects(store.read('a', { signal }), /stopped/)
    assert.deepEqual(await store.list(), [])
  },
}
