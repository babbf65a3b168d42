import { describe, expect, it } from 'vitest'
import {
  and,
  type Expression,
  bindExpression,
  type DataFile,
  currentSchema,
  eq,
  evaluate,
  fileMightMatch,
  gt,
  gteq,
  isIn,
  isNaN,
  isNull,
  lt,
  lteq,
  not,
  noteq,
  notNaN,
  notNull,
  or,
  partitionMatches,
  partitionTypes,
  planIncrementalAppends,
  planScan,
  projectInclusive,
  singleValueToBytes,
  startsWith,
  testValue,
  type PartitionSpec,
  type Value,
} from '@icebridge/iceberg-core'
import { dataFile, events, Lake } from './lake.ts'
import { mixed, randomFilter, randomRow, randomSpec } from './random-filter.ts'
import { Random } from './random.ts'

const day = 86_400_000_000n
const byDay: PartitionSpec = {
  specId: 0,
  fields: [{ sourceIds: [2], fieldId: 0, name: 'at_day', transform: { kind: 'day' } }],
}

describe('planning a scan', () => {
  it('skips manifests by their partition summaries without opening them', async () => {
    const lake = await Lake.create({ partitionSpec: byDay })
    const table = await lake.table()
    for (let n = 0n; n < 5n; n++)
      await lake.append({ files: [dataFile(table, `d${n}`, [{ id: n, at: n * day + 5n }])] })
    lake.io.calls.length = 0
    expect(await lake.scan({ filter: gteq('at', 3n * day) })).toEqual(['d4', 'd3'])
    expect(lake.io.calls.filter((call) => call.startsWith('read') && call.includes('-m'))).toHaveLength(2)
  })

  it('skips files by their bounds, null counts and NaN counts', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    await lake.append({
      files: [
        dataFile(table, 'low', [{ id: 1n, name: 'apple', score: 1 }]),
        dataFile(table, 'high', [{ id: 9007199254740993n, name: 'pear', score: Number.NaN }]),
        dataFile(table, 'null', [{ id: 5n }]),
      ],
    })
    expect(await lake.scan({ filter: gt('id', 9007199254740992n) })).toEqual(['high'])
    expect(await lake.scan({ filter: startsWith('name', 'app') })).toEqual(['low'])
    expect(await lake.scan({ filter: isNull('name') })).toEqual(['null'])
    expect(await lake.scan({ filter: notNull('name') })).toEqual(['low', 'high'])
    expect(await lake.scan({ filter: isNaN('score') })).toEqual(['high'])
    expect(await lake.scan({ filter: and(notNaN('score'), lt('score', 5)) })).toEqual(['low'])
    expect(await lake.scan({ filter: isIn('id', [1, 5n]) })).toEqual(['low', 'null'])
    expect(await lake.scan({ filter: or(eq('id', 1), eq('name', 'pear')) })).toEqual(['low', 'high'])
    expect(await lake.scan({ filter: not(lteq('id', 5)) })).toEqual(['high'])
    expect(await lake.scan({ filter: gt('id', 2n ** 70n) })).toEqual([])
  })

  it('settles tests of identity partition columns and leaves the rest to the rows', async () => {
    const spec: PartitionSpec = {
      specId: 0,
      fields: [{ sourceIds: [3], fieldId: 0, name: 'name', transform: { kind: 'identity' } }],
    }
    const lake = await Lake.create({ partitionSpec: spec })
    const table = await lake.append({ files: [dataFile(await lake.table(), 'a', [{ id: 1n, name: 'x' }])] })
    const residuals: Expression[] = []
    for await (const task of planScan(table, { filter: and(eq('name', 'x'), gteq('id', 0)) }))
      residuals.push(task.residual)
    for await (const task of planScan(table, { filter: eq('name', 'x') })) residuals.push(task.residual)
    expect(residuals).toEqual([{ op: 'gteq', column: 'id', value: 0n }, { op: 'true' }])
  })

  it('travels to a snapshot by id and names one that is not there', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    await lake.append({ files: [dataFile(table, 'a', [{ id: 1n }])], snapshotId: 1n })
    await lake.append({ files: [dataFile(table, 'b', [{ id: 2n }])], snapshotId: 2n })
    expect(await lake.scan({ snapshotId: 1n })).toEqual(['a'])
    await expect(lake.scan({ snapshotId: 3n })).rejects.toMatchObject({
      code: 'no-such-snapshot',
      context: { snapshotId: 3n },
    })
  })

  it('reads branches with the current schema and tags with the schema of their time', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    await lake.append({ files: [dataFile(table, 'a', [{ id: 1n }])], snapshotId: 1n })
    await lake.append({ files: [dataFile(table, 'b', [{ id: 2n }])], snapshotId: 2n })
    const changed = { ...currentSchema(table.loaded.metadata), schemaId: 1 }
    const fields = [...changed.fields, { id: 5, name: 'late', required: false, type: 'int' } as const]
    const { loaded } = await lake.table()
    await lake.catalog.commitTable(lake.identifier, {
      requirements: [],
      updates: [
        { action: 'add-schema', schema: { ...changed, fields } },
        { action: 'set-current-schema', schemaId: -1 },
        { action: 'set-snapshot-ref', refName: 'side', type: 'branch', snapshotId: 1n },
        { action: 'set-snapshot-ref', refName: 'v1', type: 'tag', snapshotId: 1n },
      ],
      base: loaded,
    })
    for (const ref of ['side', 'v1']) expect(await lake.scan({ ref })).toEqual(['a'])
    expect(await lake.scan({ ref: 'main' })).toEqual(['b', 'a'])
    expect(await lake.scan({ ref: 'side', filter: isNull('late') })).toEqual(['a'])
    await expect(lake.scan({ ref: 'v1', filter: isNull('late') })).rejects.toMatchObject({ code: 'no-such-column' })
    await expect(lake.scan({ ref: 'gone' })).rejects.toMatchObject({
      code: 'no-such-snapshot',
      context: { ref: 'gone' },
    })
    await expect(lake.scan({ ref: 'v1', snapshotId: 1n })).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('tests columns inside structs, by their partitions and by their bounds', async () => {
    const inner = [
      { id: 3, name: 'city', required: false, type: 'string' },
      { id: 4, name: 'zip', required: false, type: 'int' },
    ] as const
    const address = { id: 2, name: 'address', required: false, type: { kind: 'struct', fields: inner } } as const
    const lake = await Lake.create({
      schema: {
        schemaId: 0,
        identifierFieldIds: [],
        fields: [{ id: 1, name: 'id', required: true, type: 'long' }, address],
      },
      partitionSpec: {
        specId: 0,
        fields: [{ sourceIds: [3], fieldId: 1000, name: 'city', transform: { kind: 'truncate', width: 1 } }],
      },
    })
    const file = (filePath: string, city: string, zip: number): DataFile => ({
      content: 'data',
      filePath,
      fileFormat: 'parquet',
      specId: 0,
      partition: [city.slice(0, 1)],
      recordCount: 1n,
      fileSizeBytes: 1n,
      lowerBounds: new Map([[4, singleValueToBytes('int', zip)]]),
      upperBounds: new Map([[4, singleValueToBytes('int', zip)]]),
    })
    await lake.append({ files: [file('a', 'aachen', 1), file('b', 'bonn', 2), file('b3', 'bonn', 3)] })
    expect(await lake.scan({ filter: eq('address.city', 'bonn') })).toEqual(['b', 'b3'])
    expect(await lake.scan({ filter: and(startsWith('address.city', 'b'), gt('address.zip', 2)) })).toEqual(['b3'])
    expect(await lake.scan({ filter: isNull('address.city') })).toEqual([])
    expect(await lake.scan({ columns: ['address.zip', '_pos', '_row_id'] })).toHaveLength(3)
    await expect(lake.scan({ filter: isNull('address') })).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('names the column that a filter does not find, and the literal that does not fit', async () => {
    const lake = await Lake.create()
    await expect(lake.scan({ filter: eq('nam', 'x') })).rejects.toMatchObject({ code: 'no-such-column' })
    await expect(lake.scan({ filter: eq('id', 'x') })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(lake.scan({ filter: eq('id', 1.5) })).rejects.toMatchObject({ code: 'invalid-argument' })
    const unread = planScan(await lake.table(), { columns: ['id', 'nam'] }).next()
    await expect(unread).rejects.toMatchObject({ code: 'no-such-column', context: { column: 'nam' } })
    await expect(lake.scan({ filter: startsWith('id', '1') })).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('releases what it reads when the caller stops early, and throws when it is aborted', async () => {
    const lake = await Lake.create()
    const table = await lake.append({
      files: Array.from({ length: 10 }, (_, n) => ({ ...dataFile(handle, `f${n}`, [{ id: 1n }]) })),
    })
    for await (const task of planScan(table)) {
      expect(task.file.filePath).toBe('f0')
      break
    }
    const abort = new AbortController()
    const aborted = async (): Promise<number> => {
      let seen = 0
      for await (const _ of planScan(table, { signal: abort.signal })) if (++seen === 3) abort.abort(new Error('stop'))
      return seen
    }
    await expect(aborted()).rejects.toThrow('stop')
  })
})

const handle = await (await Lake.create()).table()

describe('the incremental append scan', () => {
  async function history() {
    const lake = await Lake.create()
    const table = await lake.table()
    for (let n = 1n; n <= 4n; n++) await lake.append({ files: [dataFile(table, `f${n}`, [{ id: n }])], snapshotId: n })
    return lake
  }
  async function between(lake: Lake, fromExclusive: bigint | undefined, toInclusive: bigint): Promise<string[]> {
    const paths: string[] = []
    for await (const task of planIncrementalAppends(await lake.table(), { fromExclusive, toInclusive })) {
      paths.push(`${task.snapshotId}:${task.file.filePath}`)
    }
    return paths
  }
  async function commit(lake: Lake, updates: Parameters<typeof lake.catalog.commitTable>[1]['updates']): Promise<void> {
    const { loaded } = await lake.table()
    const outcome = await lake.catalog.commitTable(lake.identifier, { requirements: [], updates, base: loaded })
    expect(outcome.status).toBe('committed')
  }

  it('gives the files of (from, to], oldest snapshot first', async () => {
    const lake = await history()
    expect(await between(lake, 1n, 3n)).toEqual(['2:f2', '3:f3'])
    expect(await between(lake, undefined, 2n)).toEqual(['1:f1', '2:f2'])
    expect(await between(lake, 4n, 4n)).toEqual([])
  })

  it('gives only what each snapshot added when manifests were merged', async () => {
    const lake = await Lake.create({ properties: { 'commit.manifest.min-count-to-merge': '2' } })
    const table = await lake.table()
    for (let n = 1n; n <= 4n; n++) await lake.append({ files: [dataFile(table, `f${n}`, [{ id: n }])], snapshotId: n })
    expect(await between(lake, 2n, 4n)).toEqual(['3:f3', '4:f4'])
  })

  it('starts after a snapshot that has expired, but not where history is missing', async () => {
    const lake = await history()
    await commit(lake, [{ action: 'remove-snapshots', snapshotIds: [1n, 2n] }])
    expect(await between(lake, 2n, 4n)).toEqual(['3:f3', '4:f4'])
    await expect(between(lake, 1n, 4n)).rejects.toMatchObject({ code: 'no-such-snapshot' })
    await expect(between(lake, undefined, 4n)).rejects.toMatchObject({ code: 'no-such-snapshot' })
    await expect(between(lake, undefined, 2n)).rejects.toMatchObject({ code: 'no-such-snapshot' })
  })

  it('passes over replace snapshots and stops at others, naming them', async () => {
    const after = async (operation: string): Promise<string[]> => {
      const lake = await history()
      const head = (await lake.table()).loaded.metadata.snapshots.at(-1)!
      const change = { snapshotId: 50n, parentSnapshotId: 4n, sequenceNumber: 5n, operation, summary: { operation } }
      await commit(lake, [
        { action: 'add-snapshot', snapshot: { ...head, ...change } },
        { action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId: 50n },
      ])
      await lake.append({ files: [dataFile(await lake.table(), 'f5', [{ id: 5n }])], snapshotId: 5n })
      return await between(lake, 4n, 5n)
    }
    expect(await after('replace')).toEqual(['5:f5'])
    for (const operation of ['overwrite', 'delete', 'unheard-of']) {
      await expect(after(operation)).rejects.toMatchObject({
        code: 'not-append-only',
        context: { snapshotId: 50n, operation },
      })
    }
  })
})

describe('pruning never loses a row', () => {
  it('by partition or by metrics, for random specs, rows and filters', { timeout: 60_000 }, async () => {
    const random = new Random(11)
    const lost: unknown[] = []
    let kept = 0
    let pruned = 0
    for (let run = 0; run < 1500; run++) {
      const spec = randomSpec(random)
      const lake = await Lake.create({
        formatVersion: 3,
        schema: { schemaId: 0, identifierFieldIds: [], fields: mixed.fields },
        partitionSpec: spec,
      })
      const table = await lake.table()
      const { metadata } = table.loaded
      for (let trial = 0; trial < 8; trial++) {
        const row = randomRow(random)
        const bound = bindExpression(randomFilter(random), mixed)
        const matches = evaluate(bound, (test) => testValue(test, row[test.term.path] ?? null))
        const file = dataFile(table, 'x', [row])
        const projected = projectInclusive(
          bound,
          metadata.partitionSpecs[0]!,
          partitionTypes(metadata, metadata.partitionSpecs[0]!),
        )
        const planned = partitionMatches(projected, file.partition) && fileMightMatch(bound, file)
        if (matches && !planned) lost.push({ bound, row, spec, partition: file.partition })
        if (matches) kept++
        else if (!planned) pruned++
      }
    }
    expect(lost).toEqual([])
    expect(kept).toBeGreaterThan(1000)
    expect(pruned).toBeGreaterThan(1000)
  })

  it('tests null and NaN as documented', () => {
    const holds = (filter: Expression, found: Value | null): boolean =>
      evaluate(bindExpression(filter, events), (test) => testValue(test, found))
    for (const filter of [
      lt('score', 1),
      gteq('score', 1),
      eq('score', 1),
      not(lt('score', 1)),
      not(noteq('score', 1)),
    ]) {
      expect(holds(filter, null)).toBe(false)
    }
    expect(holds(noteq('score', 1), null)).toBe(true)
    expect(holds(eq('score', 0), -0)).toBe(true)
    expect(holds(gt('score', 1), Number.NaN)).toBe(false)
  })
})
