import { describe, expect, it } from 'vitest'
import {
  and,
  type Expression,
  bindExpression,
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
  notIn,
  notNaN,
  notNull,
  notStartsWith,
  or,
  parseTransform,
  partitionMatches,
  partitionTypes,
  planIncrementalAppends,
  planScan,
  projectInclusive,
  startsWith,
  testValue,
  type PartitionSpec,
  type Value,
} from '@icebridge/iceberg-core'
import { dataFile, events, Lake } from './lake.ts'
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
  const schema = {
    fields: [
      { id: 1, name: 'l', required: false, type: 'long' },
      { id: 2, name: 'i', required: false, type: 'int' },
      { id: 3, name: 's', required: false, type: 'string' },
      { id: 4, name: 't', required: false, type: 'timestamp' },
      { id: 5, name: 'd', required: false, type: { kind: 'decimal', precision: 20, scale: 2 } },
      { id: 6, name: 'f', required: false, type: 'double' },
      { id: 7, name: 'b', required: false, type: 'binary' },
    ],
  } as const
  const transforms: Readonly<Record<string, readonly string[]>> = {
    l: ['identity', 'bucket[4]', 'truncate[10]'],
    i: ['identity', 'bucket[4]', 'truncate[7]'],
    s: ['identity', 'bucket[4]', 'truncate[2]'],
    t: ['identity', 'year', 'month', 'day', 'hour', 'bucket[3]'],
    d: ['identity', 'truncate[50]', 'bucket[5]'],
    f: ['identity'],
    b: ['identity', 'truncate[1]', 'bucket[2]'],
  }

  function value(random: Random, name: string): Value | null {
    if (random.below(8) === 0) return null
    switch (name) {
      case 'l':
        return random.pick([random.signed(64), BigInt(random.below(40) - 20), -(2n ** 63n), 2n ** 63n - 1n])
      case 'i':
        return random.pick([Number(random.signed(32)), random.below(40) - 20, -2147483648, 2147483647])
      case 's':
        return random.text(3)
      case 't':
        return random.pick([random.signed(58), BigInt(random.below(10) - 5) * 3_600_000_000n, -1n, 0n])
      case 'd':
        return random.signed(40)
      case 'f':
        return random.pick([random.next() - 0.5, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      default:
        return random.bytes(3)
    }
  }

  function expression(random: Random, depth = 0): Expression {
    if (depth < 3 && random.below(3) === 0) {
      const [left, right] = [expression(random, depth + 1), expression(random, depth + 1)]
      return random.pick([and(left, right), or(left, right), not(left)])
    }
    const { name } = random.pick(schema.fields)
    const literal = (): Value => {
      for (;;) {
        const candidate = value(random, name)
        if (candidate !== null && !Number.isNaN(candidate)) return candidate
      }
    }
    const prefix = random.text(3)
    return random.pick<Expression>([
      lt(name, literal()),
      lteq(name, literal()),
      gt(name, literal()),
      gteq(name, literal()),
      eq(name, literal()),
      noteq(name, literal()),
      isIn(name, [literal(), literal()]),
      notIn(name, [literal(), literal()]),
      isNull(name),
      notNull(name),
      isNaN(name),
      notNaN(name),
      startsWith('s', prefix),
      notStartsWith('s', prefix),
    ])
  }

  it('by partition or by metrics, for random specs, rows and filters', async () => {
    const random = new Random(11)
    const lost: unknown[] = []
    let kept = 0
    let pruned = 0
    for (let run = 0; run < 1500; run++) {
      const columns = schema.fields.filter(() => random.below(2) === 0)
      const spec: PartitionSpec = {
        specId: 0,
        fields: columns.map((column, at) => {
          const transform = parseTransform(random.pick(transforms[column.name]!))
          return {
            sourceIds: [column.id],
            fieldId: 1000 + at,
            name: transform.kind === 'identity' ? column.name : `${column.name}_p`,
            transform,
          }
        }),
      }
      const lake = await Lake.create({
        schema: { schemaId: 0, identifierFieldIds: [], fields: schema.fields },
        partitionSpec: spec,
      })
      const table = await lake.table()
      const { metadata } = table.loaded
      for (let trial = 0; trial < 8; trial++) {
        const row = Object.fromEntries(schema.fields.map((field) => [field.name, value(random, field.name)]))
        const bound = bindExpression(expression(random), schema)
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
