import { expect, test } from 'vitest'
import {
  extract,
  extracted,
  headOf,
  newJournal,
  readOn,
  rowsOfRead,
  someRows,
  strategy,
  testLake,
  writeBatch,
} from './support.ts'

const loadId = '00000000-0000-4000-8000-00000000000a'

test('a load in one batch is complete with its commit, and increments begin at its hand-over', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '0x10', rows: [someRows(3)] })
  expect(await headOf(journal)).toMatchObject({
    watermark: '0x10',
    firstLoad: { handover: '0x10', chunk: 1, chunks: 1, complete: true },
  })
})

test('chunks are committed in order, and the watermark appears only with the last', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const load = { loadId, handover: '0x10', chunks: 3 }
  for (const chunk of [1, 2]) {
    await extracted(journal, lake, { watermark: '0x10', rows: [someRows(2)], mode: 'load', load: { ...load, chunk } })
    expect(await headOf(journal)).toMatchObject({ watermark: undefined, firstLoad: { loadId, chunk, complete: false } })
    const { metadata } = (await journal.refresh()).table.loaded
    expect(metadata.snapshots.at(-1)?.summary['icebridge.watermark']).toBeUndefined()
    expect(metadata.snapshots.at(-1)?.summary['icebridge.load-chunk']).toBe(`${chunk}/3`)
  }
  await extracted(journal, lake, {
    watermark: 'ignored',
    rows: [someRows(2)],
    mode: 'load',
    load: { ...load, chunk: 3 },
  })
  expect(await headOf(journal)).toMatchObject({
    watermark: '0x10',
    sequence: 6n,
    firstLoad: { chunk: 3, complete: true },
  })
  await extracted(journal, lake, { watermark: '0x20', rows: [someRows(1)] })
  expect(await headOf(journal)).toMatchObject({ watermark: '0x20', sequence: 7n, firstLoad: undefined })
})

test('a restart learns from the head which chunks are there, and goes on with the next', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const load = { loadId, handover: '0x10', chunks: 2 }
  await extracted(journal, lake, { watermark: '0x10', rows: [someRows(2)], mode: 'load', load: { ...load, chunk: 1 } })
  const head = await headOf(journal)
  expect(head.firstLoad).toEqual({ loadId, handover: '0x10', chunk: 1, chunks: 2, complete: false, from: 1n })
  const again = { ...load, chunk: 1 }
  await expect(extract(journal, lake, { watermark: '0x10', mode: 'load', load: again })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
  await extracted(journal, lake, {
    watermark: '0x10',
    rows: [someRows(1)],
    mode: 'load',
    load: { ...load, chunk: (head.firstLoad?.chunk ?? 0) + 1 },
  })
  expect((await rowsOfRead(await readOn(journal, undefined))).length).toBe(3)
})

test('two coordinators of one load race for a chunk: one commits it', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const load = { loadId, handover: '0x10', chunk: 1, chunks: 2 }
  const a = await writeBatch(journal, lake, { watermark: '0x10', rows: [someRows(2)], mode: 'load', load })
  const b = await writeBatch(journal, lake, { watermark: '0x10', rows: [someRows(2)], mode: 'load', load })
  expect(await a.commit({ watermark: '0x10', strategy })).toMatchObject({ status: 'committed' })
  expect(await b.commit({ watermark: '0x10', strategy })).toMatchObject({ status: 'conflict' })
  expect(await headOf(journal)).toMatchObject({ sequence: 2n })
})

test('an increment or a heartbeat before the load is complete is refused', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  for (const mode of ['increment', 'heartbeat'] as const) {
    await expect(extract(journal, lake, { watermark: '1', mode })).rejects.toMatchObject({ code: 'invalid-argument' })
  }
})

test('a load whose number of chunks is not known is complete when a chunk says that it is the last', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const load = { loadId, handover: '0x10' }
  for (const chunk of [1, 2]) {
    const cursor = `after ${chunk}`
    await extracted(journal, lake, {
      watermark: '0x10',
      rows: [someRows(2)],
      mode: 'load',
      load: { ...load, chunk, chunks: undefined, cursor },
    })
    const head = await headOf(journal)
    expect(head).toMatchObject({
      watermark: undefined,
      firstLoad: { chunk, chunks: undefined, cursor, complete: false },
    })
    expect((await journal.refresh()).unfinishedLoad(head)).toEqual(head.firstLoad)
    const { metadata } = (await journal.refresh()).table.loaded
    expect(metadata.snapshots.at(-1)?.summary['icebridge.load-chunk']).toBe(`${chunk}/?`)
    // The property and the summary say the same: one of them outlives the other.
    expect(JSON.parse(metadata.properties['icebridge.position'] ?? '')).toMatchObject({ load: { chunk, cursor } })
  }
  for (const wrong of [
    { ...load, chunk: 3, chunks: 4 },
    { ...load, chunk: 4, chunks: undefined },
  ]) {
    await expect(extract(journal, lake, { watermark: '0x10', mode: 'load', load: wrong })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
  }
  await extracted(journal, lake, {
    watermark: '0x10',
    rows: [someRows(1)],
    mode: 'load',
    load: { ...load, chunk: 3, chunks: 3 },
  })
  const head = await headOf(journal)
  expect(head).toMatchObject({ watermark: '0x10', sequence: 5n, firstLoad: { chunk: 3, chunks: 3, complete: true } })
  expect(head.firstLoad?.cursor).toBeUndefined()
  expect((await journal.refresh()).unfinishedLoad(head)).toBeUndefined()
})

test.each([
  ['out of order', { loadId, handover: '0x10', chunk: 3, chunks: 3 }],
  ['of another number of chunks', { loadId, handover: '0x10', chunk: 2, chunks: 4 }],
  ['with another hand-over', { loadId, handover: '0x11', chunk: 2, chunks: 3 }],
  ['beyond the last', { loadId, handover: '0x10', chunk: 4, chunks: 3 }],
])('a chunk %s is refused', async (_what, load) => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = { loadId, handover: '0x10', chunk: 1, chunks: 3 }
  await extracted(journal, lake, { watermark: '0x10', rows: [someRows(1)], mode: 'load', load: first })
  await expect(extract(journal, lake, { watermark: '0x10', mode: 'load', load })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
})

test('a reload takes the watermark away until it is complete', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '0x10', rows: [someRows(2)] })
  const load = { loadId, handover: '0x20', chunks: 2 }
  await extracted(journal, lake, { watermark: '0x20', rows: [someRows(1)], mode: 'load', load: { ...load, chunk: 1 } })
  expect(await headOf(journal)).toMatchObject({ watermark: undefined, sequence: 3n })
  await extracted(journal, lake, { watermark: '0x20', rows: [someRows(1)], mode: 'load', load: { ...load, chunk: 2 } })
  expect(await headOf(journal)).toMatchObject({ watermark: '0x20', sequence: 4n })
})
