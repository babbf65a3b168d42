import { expect, it } from 'vitest'
import {
  createBranch,
  createTag,
  currentSchema,
  defaultSortOrder,
  defaultSpec,
  expireSnapshots,
  formatTransform,
  formatType,
  IcebergError,
  type MetadataOutcome,
  parseTableMetadata,
  removeRef,
  replaceBranch,
  rollbackTo,
  serializeTableMetadata,
  type TableMetadata,
  type Transform,
  updateLocation,
  updatePartitionSpec,
  updateProperties,
  updateSchema,
  updateSortOrder,
  upgradeFormatVersion,
} from '@icebridge/iceberg-core'
import { Lake } from './lake.ts'
import { Random } from './random.ts'

/** What a table looks like to somebody who only followed the changes. */
interface Model {
  columns: { id: number; name: string; type: string }[]
  lastColumnId: number
  /** Names of partition fields by what they derive; every spec there ever was has its own ids. */
  partition: { id: number; source: string; transform: string }[]
  partitionIds: Map<string, number>
  sortedBy: string | undefined
  properties: Map<string, string>
  refs: Map<string, bigint>
  /** Parents by snapshot. */
  snapshots: Map<bigint, bigint | undefined>
  formatVersion: number
  location: string
}

type Step = (lake: Lake, model: Model, random: Random) => Promise<MetadataOutcome | undefined>

const widened: Readonly<Record<string, 'long' | 'double'>> = { int: 'long', float: 'double' }
const types = ['int', 'float', 'long', 'string', 'date', 'boolean'] as const

const addColumn: Step = async (lake, model, random) => {
  const name = `c${model.lastColumnId + 1}`
  const type = random.pick(types)
  const before = random.pick(model.columns).name
  const outcome = await updateSchema(
    await lake.table(),
    { addColumns: [{ name, type }], moveColumns: [{ column: name, before }] },
    lake,
  )
  const column = { id: ++model.lastColumnId, name, type }
  model.columns.splice(
    model.columns.findIndex((candidate) => candidate.name === before),
    0,
    column,
  )
  return outcome
}

const renameColumn: Step = async (lake, model, random) => {
  const column = random.pick(model.columns)
  const name = `${column.name}x`
  if (model.columns.some((other) => other.name === name)) return undefined
  const outcome = await updateSchema(await lake.table(), { renameColumns: [{ column: column.name, name }] }, lake)
  column.name = name
  return outcome
}

const dropColumn: Step = async (lake, model, random) => {
  const column = random.pick(model.columns)
  const isUsed = model.sortedBy === `${column.id}` || model.partition.some((field) => field.source === `${column.id}`)
  const drop = updateSchema(await lake.table(), { dropColumns: [column.name] }, lake)
  if (isUsed) {
    await expect(drop).rejects.toThrow(/is used by/)
    return undefined
  }
  const outcome = await drop
  model.columns = model.columns.filter((other) => other !== column)
  return outcome
}

const widenColumn: Step = async (lake, model, random) => {
  const column = random.pick(model.columns)
  const type = widened[column.type]
  if (type === undefined) return undefined
  const outcome = await updateSchema(await lake.table(), { updateTypes: [{ column: column.name, type }] }, lake)
  column.type = type
  return outcome
}

const changePartition: Step = async (lake, model, random) => {
  const table = await lake.table()
  const fields = defaultSpec(table.loaded.metadata).fields
  if (model.partition.length > 0 && random.below(2) === 0) {
    const at = random.below(model.partition.length)
    const outcome = await updatePartitionSpec(table, { removeFields: [fields[at]!.name] }, lake)
    model.partition.splice(at, 1)
    return outcome
  }
  const column = random.pick(model.columns.filter(({ type }) => type === 'long' || type === 'int' || type === 'string'))
  const transform: Transform = random.pick([
    { kind: 'identity' },
    { kind: 'bucket', buckets: 1 + random.below(3) },
    { kind: 'truncate', width: 2 },
  ] as const)
  const field = { source: `${column.id}`, transform: formatTransform(transform) }
  const key = `${field.source} ${field.transform}`
  if (model.partition.some((other) => `${other.source} ${other.transform}` === key)) return undefined
  const known = model.partitionIds.get(key)
  const id = known ?? 1000 + model.partitionIds.size
  // A name of its own, so that a renamed column never stands in its way; a field that comes back has the name it had.
  const name = known === undefined ? `p${id}` : undefined
  const outcome = await updatePartitionSpec(table, { addFields: [{ column: column.name, transform, name }] }, lake)
  model.partitionIds.set(key, id)
  model.partition.push({ id, ...field })
  return outcome
}

const changeOrder: Step = async (lake, model, random) => {
  const column = random.below(3) === 0 ? undefined : random.pick(model.columns)
  const outcome = await updateSortOrder(await lake.table(), column === undefined ? [] : [{ column: column.name }], lake)
  model.sortedBy = column === undefined ? undefined : `${column.id}`
  return outcome
}

const changeProperties: Step = async (lake, model, random) => {
  const name = `property ${random.below(6)}`
  if (random.below(3) === 0) {
    model.properties.delete(name)
    return await updateProperties(await lake.table(), { remove: [name] }, lake)
  }
  const value = random.text(6)
  model.properties.set(name, value)
  return await updateProperties(await lake.table(), { set: { [name]: value } }, lake)
}

const appendNothing: Step = async (lake, model) => {
  const parent = model.refs.get('main')
  const table = await lake.append({ files: [] })
  const id = table.loaded.metadata.currentSnapshotId!
  model.snapshots.set(id, parent)
  model.refs.set('main', id)
  return { status: 'committed', table }
}

const changeRefs: Step = async (lake, model, random) => {
  if (model.snapshots.size === 0) return undefined
  const snapshotId = random.pick([...model.snapshots.keys()])
  const name = `ref ${random.below(5)}`
  const table = await lake.table()
  if (!model.refs.has(name)) {
    model.refs.set(name, snapshotId)
    const create = random.below(2) === 0 ? createBranch : createTag
    return await create(table, { name, at: { snapshotId } }, lake)
  }
  if (table.loaded.metadata.refs[name]?.type === 'branch' && random.below(2) === 0) {
    model.refs.set(name, snapshotId)
    return await replaceBranch(table, { branch: name, to: { snapshotId } }, lake)
  }
  model.refs.delete(name)
  return await removeRef(table, { name }, lake)
}

const goBack: Step = async (lake, model) => {
  const head = model.refs.get('main')
  const parent = head === undefined ? undefined : model.snapshots.get(head)
  if (parent === undefined || !model.snapshots.has(parent)) return undefined
  model.refs.set('main', parent)
  return await rollbackTo(await lake.table(), { snapshotId: parent }, lake)
}

const expire: Step = async (lake, model) => {
  const outcome = await expireSnapshots(await lake.table(), { olderThanMs: 1e15, retainLast: 2 }, lake)
  const kept = new Set(model.refs.values())
  for (const [name, head] of model.refs) {
    const parent = model.snapshots.get(head)
    const isBranch = outcome.status === 'committed' && outcome.table.loaded.metadata.refs[name]?.type === 'branch'
    if (isBranch && parent !== undefined) kept.add(parent)
  }
  for (const id of model.snapshots.keys()) if (!kept.has(id)) model.snapshots.delete(id)
  return outcome
}

const upgrade: Step = async (lake, model, random) => {
  if (random.below(4) > 0) return undefined
  model.formatVersion = 3
  return await upgradeFormatVersion(await lake.table(), { formatVersion: 3 }, lake)
}

const move: Step = async (lake, model, random) => {
  model.location = `/moved/${random.below(100)}`
  return await updateLocation(await lake.table(), { location: model.location }, lake)
}

const steps: readonly Step[] = [
  addColumn,
  renameColumn,
  dropColumn,
  widenColumn,
  changePartition,
  changePartition,
  changeOrder,
  changeProperties,
  appendNothing,
  appendNothing,
  changeRefs,
  changeRefs,
  goBack,
  expire,
  upgrade,
  move,
]

function viewOf(metadata: TableMetadata): Model {
  const order = defaultSortOrder(metadata)
  return {
    columns: currentSchema(metadata).fields.map(({ id, name, type }) => ({ id, name, type: formatType(type) })),
    lastColumnId: metadata.lastColumnId,
    partition: defaultSpec(metadata).fields.map((field) => ({
      id: field.fieldId,
      source: String(field.sourceIds[0]),
      transform: formatTransform(field.transform),
    })),
    partitionIds: new Map(),
    sortedBy: order.fields[0] === undefined ? undefined : String(order.fields[0].sourceIds[0]),
    properties: new Map(Object.entries(metadata.properties)),
    refs: new Map(Object.entries(metadata.refs).map(([name, ref]) => [name, ref.snapshotId] as const)),
    snapshots: new Map(metadata.snapshots.map((snapshot) => [snapshot.snapshotId, snapshot.parentSnapshotId])),
    formatVersion: metadata.formatVersion,
    location: metadata.location,
  }
}

function checkInvariants(metadata: TableMetadata): void {
  expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
  expect(metadata.currentSnapshotId).toBe(metadata.refs['main']?.snapshotId)
  expect(metadata.snapshotLog.at(-1)?.snapshotId).toBe(metadata.currentSnapshotId)
  const times = metadata.snapshotLog.map((entry) => entry.timestampMs)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  const log = metadata.metadataLog.map((entry) => entry.timestampMs)
  expect(log).toEqual(log.toSorted((a, b) => a - b))
  const ids = metadata.partitionSpecs.flatMap((spec) =>
    spec.fields.map((field) => `${field.fieldId} ${field.sourceIds.join()} ${formatTransform(field.transform)}`),
  )
  // A partition field id always means the same.
  expect(new Set(ids).size).toBe(new Set(ids.map((text) => text.split(' ')[0])).size)
  for (const list of [
    metadata.schemas.map((schema) => schema.schemaId),
    metadata.partitionSpecs.map((spec) => spec.specId),
    metadata.sortOrders.map((order) => order.orderId),
    metadata.snapshots.map((snapshot) => snapshot.sequenceNumber),
  ]) {
    expect(new Set<number | bigint>(list).size).toBe(list.length)
  }
}

it('random changes leave the table as somebody who followed them expects it', async () => {
  let changed = 0
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed)
    const lake = await Lake.create({ properties: { 'write.metadata.previous-versions-max': '5' } })
    const first = (await lake.table()).loaded.metadata
    const model: Model = { ...viewOf(first), partitionIds: new Map() }
    for (let n = 0; n < 60; n++) {
      const step = random.pick(steps)
      let outcome: MetadataOutcome | undefined
      try {
        outcome = await step(lake, model, random)
      } catch (error) {
        if (error instanceof IcebergError) throw new Error(`seed ${seed} step ${n}: ${error.message}`, { cause: error })
        throw error
      }
      if (outcome === undefined) continue
      changed += 1
      expect([seed, n, outcome.status]).toEqual([seed, n, 'committed'])
      const { metadata } = (await lake.table()).loaded
      const expected = { ...model, partitionIds: new Map() }
      expect([seed, n, viewOf(metadata)]).toEqual([seed, n, expected])
      checkInvariants(metadata)
    }
  }
  expect(changed).toBeGreaterThan(300)
}, 60_000)
