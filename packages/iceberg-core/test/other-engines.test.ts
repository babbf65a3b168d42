import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  append,
  eq,
  type Expression,
  formatDecimal,
  gteq,
  isNull,
  openTable,
  type PartitionValue,
  partitionTypes,
  planIncrementalAppends,
  planScan,
  specById,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'

/** What the script that made the fixtures saw with the engine that wrote them. */
interface Expected {
  readonly metadata: string
  readonly formatVersion: number
  readonly snapshots: readonly {
    readonly id: string
    readonly parent: string | null
    readonly sequenceNumber: string
    readonly operation: string
    readonly files: readonly {
      readonly path: string
      readonly records: string
      readonly bytes: string
      readonly partition: readonly unknown[]
      readonly lower: Readonly<Record<string, string>>
      readonly upper: Readonly<Record<string, string>>
      readonly valueCounts: Readonly<Record<string, string>>
      readonly nanCounts: Readonly<Record<string, string>>
      readonly splitOffsets: readonly string[]
    }[]
  }[]
  readonly pruned: Readonly<Record<string, readonly string[]>>
}

/** Fixtures were written in /lake: a store that finds them there, whatever the form of the path. */
class FixtureIO extends InMemoryFileIO {
  constructor(folder: string) {
    super()
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (/\.(avro|json)$/.test(path)) {
        const bytes = new Uint8Array(readFileSync(join(folder, path)))
        for (const scheme of ['', 'file://']) this.files.set(`${scheme}/lake/${path.replaceAll('\\', '/')}`, bytes)
      }
    }
  }
}

async function openFixture(name: string): Promise<{ table: TableHandle; expected: Expected }> {
  const folder = join(import.meta.dirname, 'fixtures', name)
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected
  const io = new FixtureIO(folder)
  const catalog = new InMemoryCatalog({ io, environment: new TestEnvironment() })
  await catalog.createNamespace(['db'])
  await catalog.registerTable({ namespace: ['db'], name: 'events' }, expected.metadata)
  return { table: await openTable(catalog, { namespace: ['db'], name: 'events' }, io), expected }
}

const hexOf = (bounds: ReadonlyMap<number, Uint8Array> | undefined): Record<string, string> =>
  Object.fromEntries(Array.from(bounds ?? [], ([id, bytes]) => [id, Buffer.from(bytes).toString('hex')]))
const countsOf = (counts: ReadonlyMap<number, bigint> | undefined): Record<string, string> =>
  Object.fromEntries(Array.from(counts ?? [], ([id, count]) => [id, String(count)]))

const filters: Readonly<Record<string, Expression>> = {
  'id = 3000000000000000': eq('id', 3000000000000000n),
  "text = 'zz'": eq('text', 'zz'),
  'text is null': isNull('text'),
  "tstz >= '2024-01-02T00:00:00+00:00'": gteq('tstz', '2024-01-02T00:00:00+00:00'),
}

for (const name of ['pyiceberg-v1', 'pyiceberg-v2', 'no-ids-snappy', 'no-ids-zstd']) {
  describe(`the table ${name}`, () => {
    it('has the same snapshots and files in each of them', async () => {
      const { table, expected } = await openFixture(name)
      const { metadata } = table.loaded
      expect(metadata.formatVersion).toBe(expected.formatVersion)
      expect(metadata.snapshots.map((snapshot) => String(snapshot.snapshotId))).toEqual(
        expected.snapshots.map((s) => s.id),
      )
      const plain = (specId: number, partition: readonly PartitionValue[]): unknown[] => {
        const types = partitionTypes(metadata, specById(metadata, specId))
        return partition.map((value, index) => {
          const type = types[index]
          if (typeof value !== 'bigint') return value
          return typeof type === 'object' && type.kind === 'decimal' ? formatDecimal(value, type.scale) : Number(value)
        })
      }
      for (const snapshot of expected.snapshots) {
        const found = []
        for await (const { file } of planScan(table, { snapshotId: BigInt(snapshot.id) })) {
          found.push({
            path: file.filePath,
            records: String(file.recordCount),
            bytes: String(file.fileSizeBytes),
            partition: plain(file.specId, file.partition),
            lower: hexOf(file.lowerBounds),
            upper: hexOf(file.upperBounds),
            valueCounts: countsOf(file.valueCounts),
            nanCounts: countsOf(file.nanValueCounts),
            splitOffsets: (file.splitOffsets ?? []).map(String),
          })
        }
        expect(found.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual(snapshot.files)
      }
      expect(expected.snapshots.at(-1)?.files.length).toBeGreaterThan(2)
    })

    it('plans no fewer and hardly more files under a filter than the engine that wrote it', async () => {
      const { table, expected } = await openFixture(name)
      for (const [text, filter] of Object.entries(filters)) {
        const paths = []
        for await (const task of planScan(table, { filter })) paths.push(task.file.filePath)
        expect([text, paths.toSorted()]).toEqual([text, expected.pruned[text]?.toSorted()])
      }
    })

    it('reads the two appends incrementally and stops at the delete', async () => {
      const { table, expected } = await openFixture(name)
      const [first, second, third] = expected.snapshots
      const added = []
      for await (const task of planIncrementalAppends(table, {
        fromExclusive: BigInt(first!.id),
        toInclusive: BigInt(second!.id),
      })) {
        added.push(task.file.filePath)
        expect(String(task.snapshotId)).toBe(second!.id)
      }
      const before = new Set(first!.files.map((file) => file.path))
      expect(added.toSorted()).toEqual(second!.files.map((file) => file.path).filter((path) => !before.has(path)))
      const past = async (): Promise<void> => {
        for await (const _ of planIncrementalAppends(table, { toInclusive: BigInt(third!.id) })) continue
      }
      await expect(past()).rejects.toMatchObject({
        code: 'not-append-only',
        context: { snapshotId: BigInt(third!.id) },
      })
    })
  })
}

describe('a version 1 table of another engine', () => {
  it('is upgraded and appended to without losing a file', async () => {
    for (const formatVersion of [2, 3]) {
      const { table, expected } = await openFixture('pyiceberg-v1')
      const upgraded = await table.catalog.commitTable(table.identifier, {
        requirements: [],
        updates: [{ action: 'upgrade-format-version', formatVersion }],
        base: table.loaded,
      })
      expect(upgraded).toMatchObject({ status: 'committed', table: { metadata: { formatVersion } } })
      const handle = await openTable(table.catalog, table.identifier, table.io)
      const outcome = await append(handle, { files: [] }, { environment: new TestEnvironment({ seed: 9 }) })
      expect(outcome).toMatchObject({ status: 'committed', snapshot: { sequenceNumber: 1n } })
      const paths = []
      const rowIds = new Set<bigint | undefined>()
      const after = await openTable(table.catalog, table.identifier, table.io)
      for await (const { file, sequenceNumber } of planScan(after)) {
        paths.push(file.filePath)
        rowIds.add(file.firstRowId)
        expect(sequenceNumber).toBe(0n)
      }
      expect(paths.toSorted()).toEqual(expected.snapshots.at(-1)?.files.map((file) => file.path))
      expect(rowIds.has(undefined)).toBe(formatVersion === 2)
      expect(rowIds.size).toBe(formatVersion === 2 ? 1 : paths.length)
    }
  })
})
