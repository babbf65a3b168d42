import { describe, expect, it } from 'vitest'
import {
  and,
  applyTransform,
  bindExpression,
  type DataFile,
  eq,
  evaluate,
  type Expression,
  findFieldById,
  gt,
  isIn,
  isNaN,
  isNull,
  ManifestWriter,
  lteq,
  not,
  noteq,
  notNull,
  or,
  parseTransform,
  type PartitionSpec,
  type PartitionValue,
  planScan,
  type Snapshot,
  startsWith,
  type TableHandle,
  testValue,
  type Value,
  writeManifestList,
} from '@icebridge/iceberg-core'
import { dataFile, events, Lake } from './lake.ts'
import { deletionVector, positionDeletes } from './raw-snapshot.ts'
import { Random } from './random.ts'

type Row = Readonly<Record<string, Value | null>>

const day = 86_400_000_000n
const domain: Readonly<Record<string, readonly (Value | null)[]>> = {
  id: [0n, 1n, 2n, 7n, -3n],
  at: [null, 0n, day, -1n, 400n * day],
  name: [null, '', 'a', 'ab', 'b', '\u{1f600}'],
  score: [null, 0, -0, 0, -0, 1.5, 20, -20, Number.NaN, Number.NaN, Number.NEGATIVE_INFINITY],
}
const transforms: Readonly<Record<number, readonly string[]>> = {
  1: ['identity', 'bucket[2]', 'truncate[3]', 'void'],
  2: ['year', 'day', 'hour', 'identity'],
  3: ['identity', 'truncate[1]', 'bucket[2]', 'zorder[7]'],
  4: ['identity'],
}

function randomRow(random: Random): Row {
  return Object.fromEntries(Object.entries(domain).map(([name, values]) => [name, random.pick(values)]))
}

function randomSpec(random: Random, specId: number): PartitionSpec {
  const sources = [1, 2, 3, 4].filter(() => random.below(3) === 0)
  return {
    specId,
    fields: sources.map((sourceId) => {
      const transform = parseTransform(random.pick(transforms[sourceId]!))
      const name = `p${specId}_${sourceId}`
      return { sourceIds: [sourceId], fieldId: 1000 + 10 * specId + sourceId, name, transform }
    }),
  }
}

/** The unknown transform's results are any text; its writer alone knows what they mean. */
function partitionOf(spec: PartitionSpec, row: Row): PartitionValue[] {
  return spec.fields.map(({ transform, sourceIds }) => {
    const field = findFieldById(events, sourceIds[0]!)!
    const value = row[field.name] ?? null
    if (transform.kind === 'unknown') return value === null ? null : `z${String(value).length}`
    return applyTransform(transform, field.type, value)
  })
}

function randomFilter(random: Random, depth = 0): Expression {
  if (depth < 3 && random.below(3) > 0) {
    const [left, right] = [randomFilter(random, depth + 1), randomFilter(random, depth + 1)]
    return random.pick([and(left, right), or(left, right), not(left)])
  }
  const column = random.pick(Object.keys(domain))
  const literal = (): Value => random.pick(domain[column]!.filter((v): v is Value => v !== null && !Number.isNaN(v)))
  return random.pick([
    eq(column, literal()),
    noteq(column, literal()),
    gt(column, literal()),
    lteq(column, literal()),
    isIn(column, [literal(), literal()]),
    isNull(column),
    notNull(column),
    isNaN('score'),
    startsWith('name', random.pick(['', 'a', 'ab'])),
  ])
}

/** Equal as the spec has it for partitions and equality deletes: by bits, every NaN one. */
const same = (a: Value | null, b: Value | null): boolean => Object.is(a, b)
const samePartition = (a: DataFile, b: DataFile): boolean =>
  a.specId === b.specId && a.partition.every((value, at) => same(value, b.partition[at] ?? null))

interface Known {
  readonly file: DataFile
  readonly rows: readonly Row[]
  readonly sequenceNumber: bigint
}

/** The spec's scope rules, one delete file after the other. */
function applicable(data: Known, deletes: readonly Known[], specs: readonly PartitionSpec[]): Known[] {
  const vectors = deletes.filter(
    ({ file, sequenceNumber }) =>
      file.fileFormat === 'puffin' &&
      file.referencedDataFile === data.file.filePath &&
      data.sequenceNumber <= sequenceNumber,
  )
  return deletes.filter(({ file, sequenceNumber }) => {
    if (file.fileFormat === 'puffin') return vectors.some((vector) => vector.file === file)
    if (file.content === 'position-deletes') {
      const lower = file.lowerBounds?.get(2147483546)
      const upper = file.upperBounds?.get(2147483546)
      const { filePath } = data.file
      if (file.referencedDataFile !== undefined && file.referencedDataFile !== filePath) return false
      if (lower !== undefined && filePath < Buffer.from(lower).toString()) return false
      if (upper !== undefined && filePath > Buffer.from(upper).toString()) return false
      return vectors.length === 0 && data.sequenceNumber <= sequenceNumber && samePartition(file, data.file)
    }
    const isGlobal = specs[file.specId]!.fields.every(({ transform }) => transform.kind === 'void')
    return data.sequenceNumber < sequenceNumber && (isGlobal || samePartition(file, data.file))
  })
}

function deletesARow(data: Known, { file, rows }: Known): boolean {
  const names = (file.equalityIds ?? []).map((id) => findFieldById(events, id)!.name)
  return rows.some((deleted) => data.rows.some((row) => names.every((name) => same(row[name]!, deleted[name]!))))
}

const unpartitioned = await (await Lake.create()).table()

class Model {
  readonly random: Random
  readonly specs: readonly PartitionSpec[]
  readonly lake: Lake
  readonly table: TableHandle
  data: Known[] = []
  deletes: Known[] = []
  #files = 0

  private constructor(random: Random, specs: readonly PartitionSpec[], lake: Lake, table: TableHandle) {
    this.random = random
    this.specs = specs
    this.lake = lake
    this.table = table
  }

  static async create(random: Random): Promise<Model> {
    const specs = [0, 1, 2].map((specId) => randomSpec(random, specId))
    const lake = await Lake.create({ formatVersion: 3 })
    const { loaded } = await lake.table()
    // As if the metadata came from an engine that knows more transforms.
    const metadata = { ...loaded.metadata, partitionSpecs: specs }
    return new Model(random, specs, lake, { ...(await lake.table()), loaded: { ...loaded, metadata } })
  }

  #file(rows: readonly Row[], spec: PartitionSpec): DataFile {
    const file = dataFile(unpartitioned, `/f${this.#files++}.parquet`, rows)
    const blank = this.random.below(4) === 0 ? { lowerBounds: new Map(), nullValueCounts: new Map() } : {}
    return { ...file, ...blank, specId: spec.specId, partition: partitionOf(spec, rows[0]!) }
  }

  addData(sequenceNumber: bigint): void {
    const { random } = this
    const spec = random.pick(this.specs)
    const first = randomRow(random)
    const partition = partitionOf(spec, first)
    const fits = (row: Row): boolean => partitionOf(spec, row).every((value, at) => same(value, partition[at] ?? null))
    const rows = [first, ...Array.from({ length: 6 }, () => randomRow(random)).filter(fits)]
    this.data.push({ file: this.#file(rows, spec), rows, sequenceNumber })
  }

  addDelete(sequenceNumber: bigint): void {
    const { random } = this
    const target = random.pick(this.data)
    const path = `/d${this.#files++}`
    const kind = random.below(4)
    if (kind === 0) {
      const taken = this.deletes.some(({ file }) => file.referencedDataFile === target.file.filePath)
      if (!taken) this.deletes.push({ file: deletionVector(target.file, path), rows: [], sequenceNumber })
      return
    }
    if (kind === 1) {
      const own = target.file.filePath
      const bounds = [own, random.pick(this.data).file.filePath].toSorted() as [string, string]
      const file = positionDeletes(target.file, path, random.pick([undefined, bounds, [own, own]]))
      this.deletes.push({ file, rows: [], sequenceNumber })
      return
    }
    const rows = Array.from({ length: 1 + random.below(2) }, () => randomRow(random))
    const equalityIds = [1, 2, 3, 4].filter(() => random.below(2) === 0)
    const spec = kind === 2 ? random.pick(this.specs) : this.specs[target.file.specId]!
    const partition = kind === 2 ? partitionOf(spec, rows[0]!) : target.file.partition
    const file = { ...this.#file(rows, spec), filePath: path, partition }
    const content = 'equality-deletes' as const
    this.deletes.push({
      file: { ...file, content, equalityIds: equalityIds.length > 0 ? equalityIds : [1] },
      rows,
      sequenceNumber,
    })
  }
}

/** A snapshot that holds all files of the model, each with its own sequence number, one manifest a spec and content. */
async function snapshotOf(model: Model): Promise<TableHandle> {
  const { io } = model.lake
  const { metadata } = model.table.loaded
  // A transform that nobody here knows is not written; its place is held by one of the same type.
  const partitionSpecs = metadata.partitionSpecs.map((spec) => ({
    ...spec,
    fields: spec.fields.map((field) =>
      field.transform.kind === 'unknown' ? { ...field, transform: { kind: 'void' } as const } : field,
    ),
  }))
  const manifests = []
  for (const { specId } of model.specs) {
    for (const [content, files] of [['data', model.data] as const, ['deletes', model.deletes] as const]) {
      const own = files.filter(({ file }) => file.specId === specId)
      if (own.length === 0) continue
      const writer = await ManifestWriter.create(io, `/m-${specId}-${content}.avro`, {
        metadata: { ...metadata, partitionSpecs },
        specId,
        snapshotId: 1n,
        content,
      })
      for (const { file, sequenceNumber } of own) {
        const entry = { snapshotId: 1n, sequenceNumber, fileSequenceNumber: sequenceNumber, file }
        await writer.existing({ status: 'existing', ...entry })
      }
      manifests.push(await writer.close())
    }
  }
  await writeManifestList(io, '/list.avro', {
    metadata,
    snapshot: { snapshotId: 1n, parentSnapshotId: undefined, sequenceNumber: 5n },
    manifests,
  })
  const snapshot: Snapshot = {
    snapshotId: 1n,
    sequenceNumber: 5n,
    timestampMs: 0,
    manifestList: '/list.avro',
    operation: 'overwrite',
    summary: { operation: 'overwrite' },
  }
  return { ...model.table, loaded: { ...model.table.loaded, metadata: { ...metadata, snapshots: [snapshot] } } }
}

async function planned(table: TableHandle, filter: Expression): Promise<Map<string, readonly string[]>> {
  const tasks = new Map<string, readonly string[]>()
  for await (const task of planScan(table, { filter, snapshotId: 1n })) {
    tasks.set(
      task.file.filePath,
      task.deletes.map((file) => file.filePath),
    )
  }
  return tasks
}

describe('planning against the rules of the spec, for random specs, files, deletes and filters', () => {
  it('loses no row, and gives each file the deletes that apply to it and no others', async () => {
    const random = new Random(77)
    let [rowsKept, filesPruned, deletesGiven, deletesSpared] = [0, 0, 0, 0]
    for (let run = 0; run < 50; run++) {
      const model = await Model.create(random)
      for (let sequenceNumber = 1n; sequenceNumber <= 5n; sequenceNumber++) {
        for (let n = 0; n < 3; n++) model.addData(sequenceNumber)
        for (let n = random.below(4); n > 0; n--) model.addDelete(sequenceNumber)
      }
      const table = await snapshotOf(model)
      for (let trial = 0; trial < 6; trial++) {
        const filter = randomFilter(random)
        const bound = bindExpression(filter, events)
        const passes = (row: Row): boolean => evaluate(bound, (test) => testValue(test, row[test.term.path] ?? null))
        const tasks = await planned(table, filter)
        for (const data of model.data) {
          const given = tasks.get(data.file.filePath)
          if (given === undefined) {
            filesPruned++
            expect(data.rows.filter(passes)).toEqual([])
            continue
          }
          rowsKept += data.rows.filter(passes).length
          const rightful = applicable(data, model.deletes, model.specs)
          expect(new Set(given).size).toBe(given.length)
          const paths = new Set(rightful.map(({ file }) => file.filePath))
          expect(given.filter((path) => !paths.has(path))).toEqual([])
          for (const missing of rightful.filter(({ file }) => !given.includes(file.filePath))) {
            deletesSpared++
            expect([missing.file.content, deletesARow(data, missing)]).toEqual(['equality-deletes', false])
          }
          deletesGiven += given.length
        }
      }
    }
    // The test has met every case often.
    expect(rowsKept).toBeGreaterThan(1000)
    expect(filesPruned).toBeGreaterThan(500)
    expect(deletesGiven).toBeGreaterThan(500)
    expect(deletesSpared).toBeGreaterThan(100)
  }, 60_000)
})
