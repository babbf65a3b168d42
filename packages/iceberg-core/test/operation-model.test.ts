import { describe, expect, it } from 'vitest'
import {
  append,
  type DataFile,
  deleteFiles,
  eq,
  isDeletionVector,
  overwrite,
  type PartitionSpec,
  partitionKey,
  planScan,
  replaceFiles,
  rewriteManifests,
  rowDelta,
  type SnapshotOutcome,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { entriesOf } from './entries.ts'
import { dataFile, Lake } from './lake.ts'
import { Random } from './random.ts'
import { deletionVector, equalityDeletes, positionDeletes } from './raw-snapshot.ts'

const byName: PartitionSpec = {
  specId: 0,
  fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
}
const partitions = ['a', 'b', 'c']
/** Mostly none. */
const faults = [
  ...(['none', 'none', 'none', 'none', 'none', 'none'] as const),
  ...(['conflict', 'lost-after-commit', 'lost-before-commit', 'rival'] as const),
]

interface LiveFile {
  readonly file: DataFile
  readonly sequenceNumber: bigint
}

/** What a table holds, as lists: no manifests, no snapshots. */
class Model {
  data: LiveFile[] = []
  deletes: LiveFile[] = []
  sequenceNumber = 0n

  change(change: {
    readonly add?: readonly DataFile[]
    readonly addDeletes?: readonly DataFile[]
    readonly remove?: readonly DataFile[]
    readonly removeDeletes?: readonly DataFile[]
    readonly dataSequenceNumber?: bigint | undefined
  }): void {
    const { add = [], addDeletes = [], remove = [], removeDeletes = [] } = change
    this.sequenceNumber++
    const live = (file: DataFile, sequenceNumber = this.sequenceNumber): LiveFile => ({ file, sequenceNumber })
    this.data = this.data.filter(({ file }) => !remove.some((one) => one.filePath === file.filePath))
    this.deletes = this.deletes.filter(({ file }) => !removeDeletes.some((one) => one.filePath === file.filePath))
    this.data.push(...add.map((file) => live(file, change.dataSequenceNumber)))
    this.deletes.push(...addDeletes.map((file) => live(file)))
  }

  /** The spec's scope rules, word for word. */
  deletesOf(data: LiveFile): string[] {
    const scoped = this.deletes.filter(({ file }) => partitionKey(file) === partitionKey(data.file))
    const forFile = scoped.filter(({ file }) => (file.referencedDataFile ?? data.file.filePath) === data.file.filePath)
    const vectors = forFile.filter((one) => isDeletionVector(one.file) && data.sequenceNumber <= one.sequenceNumber)
    const positions = forFile.filter(
      ({ file, sequenceNumber }) => file.content === 'position-deletes' && data.sequenceNumber <= sequenceNumber,
    )
    const equality = scoped.filter(
      ({ file, sequenceNumber }) => file.content === 'equality-deletes' && data.sequenceNumber < sequenceNumber,
    )
    return [...equality, ...(vectors.length > 0 ? vectors : positions)].map(({ file }) => file.filePath).toSorted()
  }
}

/** Draws changes that fit what the model holds. */
class Writer {
  readonly #random: Random
  readonly #lake: Lake
  readonly #model: Model
  readonly #formatVersion: 2 | 3
  #names = 0

  constructor(random: Random, lake: Lake, model: Model, formatVersion: 2 | 3) {
    this.#random = random
    this.#lake = lake
    this.#model = model
    this.#formatVersion = formatVersion
  }

  /** One commit, perhaps against faults; the model follows when it lands. */
  async step(): Promise<string> {
    const table = await this.#lake.table()
    const { run, name, change } = this.#draw(table)
    const snapshotId = BigInt(1000 + this.#names++)
    const fault = this.#random.pick(faults)
    if (fault === 'rival') await this.#rivalOnce()
    else if (fault !== 'none') this.#lake.catalog.faults.push(fault)
    let outcome = await run(table, snapshotId)
    if (outcome.status === 'unknown') outcome = await run(await this.#lake.table(), snapshotId)
    this.#lake.catalog.beforeCommit = undefined
    if (outcome.status !== 'committed')
      throw new Error(`${name}: ${JSON.stringify(outcome.status === 'conflict' ? outcome.reason : '')}`)
    this.#model.change(change)
    return name
  }

  /** Another writer gets in between with an append, over which nothing here may be refused. */
  async #rivalOnce(): Promise<void> {
    const table = await this.#lake.table()
    const add = [this.#newFile(table)]
    let done = false
    this.#lake.catalog.beforeCommit = async () => {
      if (done) return
      done = true
      const outcome = await append(table, { files: add }, { environment: this.#lake.environment })
      if (outcome.status !== 'committed') throw new Error('the rival was refused')
      this.#model.change({ add })
    }
  }

  #draw(table: TableHandle): Draw {
    const random = this.#random
    const options = { environment: this.#lake.environment }
    const { data } = this.#model
    const validation = { isolation: 'snapshot' } as const
    const add = Array.from({ length: 1 + random.below(3) }, () => this.#newFile(table))
    const kind = data.length < 4 ? 0 : random.below(8)
    switch (kind) {
      case 0:
      case 1: {
        const merge = random.pick([undefined, false])
        return {
          name: 'append',
          change: { add },
          run: async (head, snapshotId) => await append(head, { files: add, merge, snapshotId }, options),
        }
      }
      case 2: {
        const remove = this.#some()
        return {
          name: 'overwrite',
          change: { add, remove },
          run: async (head, snapshotId) => await overwrite(head, { add, remove, validation, snapshotId }, options),
        }
      }
      case 3: {
        const remove = this.#some()
        return {
          name: 'delete',
          change: { remove },
          run: async (head, snapshotId) => await deleteFiles(head, { remove, snapshotId }, options),
        }
      }
      case 4: {
        const remove = this.#some()
        const sequences = data.filter(({ file }) => remove.includes(file)).map((one) => one.sequenceNumber)
        const dataSequenceNumber = random.pick([undefined, sequences.reduce((a, b) => (a < b ? a : b))])
        const rewritten = remove.map((file) => this.#newFile(table, String(file.partition[0])))
        return {
          name: 'replace',
          change: { add: rewritten, remove, dataSequenceNumber },
          run: async (head, snapshotId) =>
            await replaceFiles(head, { add: rewritten, remove, dataSequenceNumber, snapshotId }, options),
        }
      }
      case 5: {
        return {
          name: 'rewrite manifests',
          change: {},
          run: async (head, snapshotId) => await rewriteManifests(head, { targetBytes: 9000, snapshotId }, options),
        }
      }
      case 6: {
        const name = random.pick(partitions)
        // Whatever the partition has when the commit lands, a rival's file included: read from the model then.
        const model = this.#model
        return {
          name: 'delete by filter',
          change: {
            get remove() {
              return model.data.filter(({ file }) => file.partition[0] === name).map(({ file }) => file)
            },
          },
          run: async (head, snapshotId) => await deleteFiles(head, { where: eq('name', name), snapshotId }, options),
        }
      }
      default: {
        const delta = { add: random.pick([add, []]), ...this.#drawDeletes(table) }
        return {
          name: 'row delta',
          change: delta,
          run: async (head, snapshotId) => await rowDelta(head, { ...delta, validation, snapshotId }, options),
        }
      }
    }
  }

  #drawDeletes(table: TableHandle): { readonly addDeletes: DataFile[]; readonly removeDeletes: DataFile[] } {
    const random = this.#random
    const target = random.pick(this.#model.data).file
    const path = `d${this.#names++}`
    if (random.below(3) === 0) {
      return {
        addDeletes: [equalityDeletes(table, path, [{ id: 1n, name: random.pick(partitions) }])],
        removeDeletes: [],
      }
    }
    if (this.#formatVersion === 2) {
      const referencedDataFile = random.pick([{}, { referencedDataFile: target.filePath }])
      return { addDeletes: [{ ...positionDeletes(target, path), ...referencedDataFile }], removeDeletes: [] }
    }
    const old = this.#model.deletes.map(({ file }) => file)
    return {
      addDeletes: [deletionVector(target, path)],
      removeDeletes: old.filter((file) => isDeletionVector(file) && file.referencedDataFile === target.filePath),
    }
  }

  #newFile(table: TableHandle, name = this.#random.pick(partitions)): DataFile {
    const rows = Array.from({ length: 1 + this.#random.below(3) }, () => ({ id: 1n, name }))
    return dataFile(table, `f${this.#names++}`, rows)
  }

  #some(): DataFile[] {
    const count = 1 + this.#random.below(2)
    const start = this.#random.below(this.#model.data.length - count)
    return this.#model.data.slice(start, start + count).map(({ file }) => file)
  }
}

interface Draw {
  readonly name: string
  readonly change: Parameters<Model['change']>[0]
  readonly run: (table: TableHandle, snapshotId: bigint) => Promise<SnapshotOutcome>
}

async function check(table: TableHandle, model: Model, rowIds: Map<string, bigint>): Promise<void> {
  const planned: Record<string, unknown> = {}
  for await (const task of planScan(table)) {
    expect(planned[task.file.filePath]).toBeUndefined()
    planned[task.file.filePath] = {
      sequenceNumber: task.sequenceNumber,
      deletes: task.deletes.map((file) => file.filePath).toSorted(),
    }
  }
  expect(planned).toEqual(
    Object.fromEntries(
      model.data.map((one) => [
        one.file.filePath,
        { sequenceNumber: one.sequenceNumber, deletes: model.deletesOf(one) },
      ]),
    ),
  )
  const entries = await entriesOf(table)
  const live = entries.filter(({ status }) => status !== 'deleted')
  const { summary, snapshotId } = table.loaded.metadata.snapshots.at(-1)!
  const ofContent = (data: boolean) => live.filter(({ file }) => (file.content === 'data') === data)
  expect(summary['total-data-files']).toBe(String(ofContent(true).length))
  expect(summary['total-delete-files']).toBe(String(ofContent(false).length))
  const records = ofContent(true).reduce((sum, { file }) => sum + file.recordCount, 0n)
  expect(summary['total-records']).toBe(String(records))
  const deleted = entries.filter((entry) => entry.status === 'deleted' && entry.snapshotId === snapshotId)
  expect(deleted.filter(({ file }) => file.content === 'data')).toHaveLength(Number(summary['deleted-data-files'] ?? 0))
  expect(deleted.filter(({ file }) => file.content !== 'data')).toHaveLength(
    Number(summary['removed-delete-files'] ?? 0),
  )
  // What a manifest list says of its manifests is what is in them.
  for (const list of Map.groupBy(entries, ({ manifest }) => manifest.path).values()) {
    const { manifest } = list[0]!
    expect([manifest.addedFilesCount, manifest.existingFilesCount, manifest.deletedFilesCount]).toEqual(
      (['added', 'existing', 'deleted'] as const).map((one) => list.filter(({ status }) => status === one).length),
    )
    const least = list.filter(({ status }) => status !== 'deleted').map((entry) => entry.sequenceNumber)
    if (least.length > 0) expect(manifest.minSequenceNumber).toBe(least.reduce((a, b) => (a < b ? a : b)))
  }
  if (table.loaded.metadata.formatVersion < 3) return
  const taken = new Set<bigint>()
  for (const { path, file } of ofContent(true)) {
    const first = rowIds.get(path) ?? file.firstRowId!
    rowIds.set(path, first)
    expect(file.firstRowId).toBe(first)
    for (let row = 0n; row < file.recordCount; row++) taken.add(first + row)
  }
  expect(BigInt(taken.size)).toBe(records)
  for (const id of taken) expect(id).toBeLessThan(table.loaded.metadata.nextRowId!)
}

describe('random operations', () => {
  for (const formatVersion of [2, 3] as const) {
    it(`leave what a plain list of files would, in version ${formatVersion}`, async () => {
      const seen = new Map<string, number>()
      for (let seed = 1; seed <= 4; seed++) {
        const random = new Random(seed)
        const lake = await Lake.create({
          formatVersion,
          partitionSpec: byName,
          properties: { 'commit.manifest.min-count-to-merge': String(2 + random.below(6)) },
        })
        const model = new Model()
        const writer = new Writer(random, lake, model, formatVersion)
        const rowIds = new Map<string, bigint>()
        for (let n = 0; n < 40; n++) {
          const name = await writer.step()
          seen.set(name, (seen.get(name) ?? 0) + 1)
          await check(await lake.table(), model, rowIds)
        }
        expect(lake.catalog.faults).toEqual([])
      }
      expect(seen.size).toBe(7)
    }, 60_000)
  }
})
