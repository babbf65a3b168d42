import { batchOfRows, batchRows, type PlainValue } from '@icebridge/columnar/testing'
import {
  acceptsSource,
  append,
  cherryPick,
  createBranch,
  createTag,
  currentSchema,
  defaultSpec,
  expireSnapshots,
  fastForward,
  isAncestor,
  type PartitionField,
  type PartitionSpec,
  planScan,
  removeOrphanFiles,
  refreshTable,
  removeRef,
  rewriteManifests,
  rollbackTo,
  rowDelta,
  type Schema,
  type Snapshot,
  scanSchema,
  setCurrentSnapshot,
  type SnapshotChoice,
  type TableHandle,
  type Transform,
  updatePartitionSpec,
  updateSchema,
  updateSortOrder,
  upgradeFormatVersion,
} from '@icebridge/iceberg-core'
import {
  columnFieldsOf,
  compact,
  deleteWhere,
  EqualityDeleteWriter,
  IcebergAppender,
  IcebergReader,
  overwriteWhere,
  upsert,
  writeDeletionVectors,
  writePositionDeletes,
} from '@icebridge/iceberg-io'
import type { CommitFault, InMemoryCatalog } from '@icebridge/iceberg-core/testing'
import type { RecordBatch } from 'apache-arrow'
import { environment } from './lake.ts'
import {
  type Dice,
  dotted,
  freeName,
  leaves,
  type ModelStruct,
  plainRow,
  randomRow,
  randomType,
  type Rows,
  valueAt,
} from './model-rows.ts'
import { randomFilter } from './model-filter.ts'
import { comparable, defaultOf, structsOf, widerThan } from './model-schema.ts'

const transforms: readonly Transform[] = [
  { kind: 'identity' },
  { kind: 'bucket', buckets: 3 },
  { kind: 'truncate', width: 2 },
  { kind: 'year' },
  { kind: 'month' },
  { kind: 'day' },
  { kind: 'hour' },
  { kind: 'void' },
]
const changeModes = ['copy-on-write', 'merge-on-read'] as const

/** What a change makes of the rows that it finds. */
type Change = (rows: Rows) => Rows

interface Outcome {
  readonly status: string
  readonly table?: TableHandle
  readonly snapshot?: Snapshot
  readonly snapshotId?: bigint
  readonly reason?: unknown
}

/** A table, and beside it the rows that each of its snapshots must have: changed in step, at random. */
export class TableModel {
  table: TableHandle
  /** The rows of every snapshot that has not expired. */
  states = new Map<bigint, Rows>()
  /** What was done, for messages. */
  readonly done: string[] = []
  readonly #dice: Dice
  readonly #faults: CommitFault[]
  #nextId = 0n
  #names = 0
  #racing = false
  #lost: { readonly snapshotId: bigint | undefined; readonly change: Change | undefined } | undefined
  #lastChange: Change | undefined

  constructor(table: TableHandle & { readonly catalog: InMemoryCatalog }, dice: Dice) {
    this.table = table
    this.#faults = table.catalog.faults
    this.#dice = dice
  }

  get schema(): Schema {
    return currentSchema(this.table.loaded.metadata)
  }

  get #version(): number {
    return this.table.loaded.metadata.formatVersion
  }

  /** The rows of `main`. */
  get rows(): Rows {
    const { currentSnapshotId } = this.table.loaded.metadata
    return currentSnapshotId === undefined ? new Map() : this.stateOf(currentSnapshotId)
  }

  stateOf(snapshotId: bigint): Rows {
    const rows = this.states.get(snapshotId)
    if (rows === undefined) throw new TypeError(`the model has no snapshot ${snapshotId}`)
    return rows
  }

  /** One change. */
  async step(): Promise<void> {
    const dice = this.#dice
    const changes = [
      ...Array<() => Promise<void>>(3).fill(async () => this.#append()),
      ...Array<() => Promise<void>>(2).fill(async () => this.#upsert()),
      ...Array<() => Promise<void>>(2).fill(async () => this.#deletePositions()),
      ...Array<() => Promise<void>>(2).fill(async () => this.#deleteEqual()),
      ...Array<() => Promise<void>>(2).fill(async () => this.#compact()),
      ...Array<() => Promise<void>>(5).fill(async () => this.#changeSchema()),
      ...Array<() => Promise<void>>(2).fill(async () => this.#changePartitions()),
      async () => this.#deleteWhere(),
      async () => this.#overwriteWhere(),
      async () => this.#changeOrder(),
      async () => this.#rewriteManifests(),
      async () => this.#changeRefs(),
      async () => this.#appendToBranch(),
      async () => this.#goBack(),
      async () => this.#stage(),
      ...Array<() => Promise<void>>(4).fill(async () => this.#race()),
      async () => this.#expire(),
    ]
    if (this.#version === 2) changes.push(async () => this.#upgrade())
    if (this.rows.size < 10) await this.#append()
    else if (dice.once(10)) await this.#loseAnswer()
    else await dice.pick(changes)()
  }

  /** A change of which nobody hears whether it landed. */
  async #loseAnswer(): Promise<void> {
    const changes = [
      async () => this.#append(),
      async () => this.#upsert(),
      async () => this.#deletePositions(),
      async () => this.#deleteEqual(),
      async () => this.#compact(),
      async () => this.#deleteWhere(),
      async () => this.#rewriteManifests(),
      async () => this.#changeSchema(),
    ]
    this.#faults.push(this.#dice.pick(['lost-after-commit', 'lost-before-commit', 'conflict']))
    await this.#dice.pick(changes)()
    this.#faults.length = 0
    const lost = this.#lost
    this.#lost = undefined
    this.table = await refreshTable(this.table)
    const landed = this.table.loaded.metadata.snapshots.find(({ snapshotId }) => snapshotId === lost?.snapshotId)
    if (lost?.change !== undefined && landed !== undefined) this.#follow(landed, lost.change)
  }

  #newRows(): Map<bigint, ModelStruct> {
    const rows = new Map<bigint, ModelStruct>()
    for (let left = 1 + this.#dice.below(12); left > 0; left--) {
      const id = this.#nextId++
      rows.set(id, randomRow(this.#dice, this.schema.fields, id))
    }
    return rows
  }

  #batch(rows: Iterable<ModelStruct>): RecordBatch {
    const { fields } = this.schema
    return batchOfRows(
      columnFieldsOf({ fields }),
      [...rows].map((row) => plainRow(fields, row)),
    )
  }

  async #files(rows: Rows) {
    const dice = this.#dice
    const appender = await IcebergAppender.open(this.table, {
      environment,
      rowGroupRows: dice.pick([3, 1000]),
      sort: dice.once(2),
    })
    await appender.write(this.#batch(rows.values()))
    return appender.finish()
  }

  /** Takes what came out of a change: the snapshot that it made has the rows of its parent with `change` made to them. */
  #accept(what: string, outcome: Outcome, change?: Change): void {
    this.done.push(`${what}: ${outcome.status}`)
    if (outcome.status === 'conflict' && this.#racing) return
    if (outcome.status === 'unknown') {
      this.#lost = { snapshotId: outcome.snapshotId, change }
      return
    }
    if ((outcome.status !== 'committed' && outcome.status !== 'unchanged') || outcome.table === undefined) {
      throw new Error(`${what} is ${outcome.status}: ${JSON.stringify(outcome.reason)}`)
    }
    this.table = outcome.table
    if (change === undefined || outcome.status !== 'committed' || outcome.snapshot === undefined) return
    this.#follow(outcome.snapshot, change)
    this.#lastChange = change
  }

  #follow({ snapshotId, parentSnapshotId }: Snapshot, change: Change): void {
    const before = parentSnapshotId === undefined ? new Map<bigint, ModelStruct>() : this.stateOf(parentSnapshotId)
    this.states.set(snapshotId, change(before))
  }

  async #append(): Promise<void> {
    const added = this.#newRows()
    const merge = this.#dice.pick([undefined, true, false])
    const outcome = await append(this.table, { files: await this.#files(added), merge }, { environment })
    this.#accept('append', outcome, plus(added))
  }

  async #upsert(): Promise<void> {
    const mode = this.#dice.pick(changeModes)
    const changed = this.#newRows()
    for (const [id, row] of this.rows) {
      if (this.#dice.once(4)) changed.set(id, randomRow(this.#dice, this.schema.fields, id))
      else if (this.#dice.once(8)) changed.set(id, row)
    }
    const batches = [this.#batch(changed.values())]
    const outcome = await upsert(this.table, batches, { environment, mode, keys: ['id'] })
    this.#accept(`upsert ${mode}`, outcome, plus(changed))
  }

  async #deleteWhere(): Promise<void> {
    const mode = this.#dice.pick(changeModes)
    const [filter, passes] = randomFilter(this.#dice, this.schema, this.rows)
    const outcome = await deleteWhere(this.table, filter, { environment, mode })
    this.#accept(`delete ${mode} ${text(filter)}`, outcome, without(passes))
  }

  async #overwriteWhere(): Promise<void> {
    const mode = this.#dice.pick(changeModes)
    const [where, passes] = randomFilter(this.#dice, this.schema, this.rows)
    const added = this.#newRows()
    const change = { where, rows: [this.#batch(added.values())] }
    const outcome = await overwriteWhere(this.table, change, { environment, mode })
    const put = plus(added)
    const take = without(passes)
    this.#accept(`overwrite ${mode} ${text(where)}`, outcome, (rows) => put(take(rows)))
  }

  async #deletePositions(): Promise<void> {
    const gone = new Set<PlainValue>()
    const deletes = new Map<PlainValue, bigint[]>()
    for await (const batch of new IcebergReader(this.table).scan({ columns: ['_file', '_pos', 'id'] })) {
      for (const [file = null, position = null, id = null] of batchRows(batch)) {
        if (!this.#dice.once(5)) continue
        gone.add(id)
        deletes.set(file, [...(deletes.get(file) ?? []), position as bigint])
      }
    }
    const rows = []
    for await (const { file, deletes: previous } of planScan(this.table)) {
      const positions = deletes.get(file.filePath)
      if (positions !== undefined) rows.push({ file, positions, previous })
    }
    if (rows.length === 0) return
    const change =
      this.#version === 3
        ? await writeDeletionVectors(this.table, rows, { environment })
        : {
            addDeletes: await writePositionDeletes(this.table, rows, { environment, granularity: this.#granularity() }),
          }
    const outcome = await rowDelta(this.table, change, { environment })
    this.#accept(
      'delete positions',
      outcome,
      without((_, id) => gone.has(id)),
    )
  }

  #granularity(): 'file' | 'partition' {
    return this.#dice.pick(['file', 'partition'])
  }

  /** Global deletes by any columns where the table has an unpartitioned spec, else of some rows by all that tells them apart. */
  async #deleteEqual(): Promise<void> {
    const { metadata } = this.table.loaded
    const dice = this.#dice
    const chosen = [...this.rows].filter(() => dice.once(8))
    if (chosen.length === 0) return
    const global = metadata.partitionSpecs.some(isUnpartitioned) && dice.once(2)
    const able = leaves(this.schema.fields).filter((path) => comparable(path.at(-1)!.type))
    const paths = global ? able.filter(() => dice.once(4)) : able.filter(([field]) => field?.name === 'id')
    if (paths.length === 0) return
    // Where another writer puts the rows meanwhile, partition by partition, is not for a model to say.
    if (this.#racing && !global && !isUnpartitioned(defaultSpec(metadata))) return
    const writer = new EqualityDeleteWriter(this.table, { environment, columns: paths.map(dotted), global })
    await writer.write(this.#batch(chosen.map(([, row]) => row)))
    const added = dice.once(2) ? this.#newRows() : new Map<bigint, ModelStruct>()
    const add = added.size === 0 ? [] : await this.#files(added)
    // Deletes of a spec that does not partition are global.
    const specs = global || isUnpartitioned(defaultSpec(metadata)) ? undefined : await this.#specs()
    const outcome = await rowDelta(this.table, { add, addDeletes: await writer.finish() }, { environment })
    const key = (row: ModelStruct): string => text(paths.map((path) => valueAt(path, row)))
    const keys = new Set(chosen.map(([, row]) => key(row)))
    const take = without(
      (row, id) => keys.has(key(row)) && (specs === undefined || specs.get(id) === metadata.defaultSpecId),
    )
    const put = plus(added)
    const what = `delete by ${paths.map(dotted).join()}${global ? ', global' : ''}`
    this.#accept(what, outcome, (rows) => put(take(rows)))
  }

  /** The partition spec of each row, which deletes that are not global are bound to. */
  async #specs(): Promise<ReadonlyMap<PlainValue, PlainValue>> {
    const specs = new Map<PlainValue, PlainValue>()
    for await (const batch of new IcebergReader(this.table).scan({ columns: ['id', '_spec_id'] })) {
      for (const [id = null, spec = null] of batchRows(batch)) specs.set(id, spec)
    }
    return specs
  }

  async #compact(): Promise<void> {
    const dice = this.#dice
    const outcome = await compact(this.table, {
      environment,
      minInputFiles: dice.pick([2, 5]),
      deleteRatio: dice.pick([0.1, 0.5]),
      all: dice.once(3),
      sort: dice.once(2),
    })
    this.#accept('compact', outcome, same)
  }

  async #rewriteManifests(): Promise<void> {
    const targetBytes = this.#dice.pick([4000, undefined])
    const outcome = await rewriteManifests(this.table, { targetBytes }, { environment })
    this.#accept('rewrite manifests', outcome, same)
  }

  async #upgrade(): Promise<void> {
    this.#accept('upgrade', await upgradeFormatVersion(this.table, { formatVersion: 3 }, { environment }))
  }

  async #changeSchema(): Promise<void> {
    const dice = this.#dice
    const { schema } = this
    const structs = [
      { path: '', fields: schema.fields },
      ...structsOf(schema.fields, '').filter(({ path }) => path !== ''),
    ]
    const parent = dice.pick(structs)
    const field = dice.pick(parent.fields)
    const path = parent.path === '' ? field.name : `${parent.path}.${field.name}`
    const used = this.#usedColumns()
    const isUsed = used.has(field.id) || leaves([field]).some((inner) => used.has(inner.at(-1)!.id))
    const kind = dice.pick(['add', 'add', 'drop', 'rename', 'widen', 'optional', 'move'] as const)
    if (field.name === 'id' && kind !== 'add' && kind !== 'move') return
    const update = async (what: string, changes: Parameters<typeof updateSchema>[1]) =>
      this.#accept(`${what} ${path}`, await updateSchema(this.table, changes, { environment }))
    switch (kind) {
      case 'add': {
        const type = randomType(dice, this.#version, parent.path === '' ? 0 : 1)
        const name = freeName(dice, parent.fields)
        const into = parent.path === '' ? {} : { parent: parent.path }
        const initialDefault = this.#version === 3 && dice.once(2) ? defaultOf(type) : undefined
        const withDefault = initialDefault === undefined ? {} : { initialDefault, required: dice.once(2) }
        return update(`add ${name} to`, { addColumns: [{ name, type, ...into, ...withDefault }] })
      }
      case 'drop':
        if (isUsed || parent.fields.length === 1) return undefined
        return update('drop', { dropColumns: [path] })
      case 'rename':
        return update('rename', { renameColumns: [{ column: path, name: freeName(dice, parent.fields) }] })
      case 'widen': {
        const type = widerThan(dice, field.type, this.#version)
        const was = this.table.loaded.metadata.partitionSpecs.some((spec) =>
          spec.fields.some(({ sourceIds }) => sourceIds.includes(field.id)),
        )
        if (type === undefined || field.initialDefault !== undefined || (was && field.type === 'date')) return undefined
        return update('widen', { updateTypes: [{ column: path, type }] })
      }
      case 'optional':
        return update('make optional', { makeOptional: [path] })
      case 'move':
        return update('move', { moveColumns: [{ column: path, to: 'first' }] })
    }
  }

  #usedColumns(): Set<number> {
    const { metadata } = this.table.loaded
    const order = metadata.sortOrders.find(({ orderId }) => orderId === metadata.defaultSortOrderId)
    return new Set([...defaultSpec(metadata).fields, ...(order?.fields ?? [])].flatMap(({ sourceIds }) => sourceIds))
  }

  async #changePartitions(): Promise<void> {
    const dice = this.#dice
    const { metadata } = this.table.loaded
    const removeFields = defaultSpec(metadata)
      .fields.filter(() => dice.once(2))
      .map(({ name }) => name)
    const kept = defaultSpec(metadata).fields.filter(({ name }) => !removeFields.includes(name))
    const added = dice.once(4) ? undefined : this.#partitionBy(kept)
    const addFields = added === undefined ? [] : [added]
    if (removeFields.length + addFields.length === 0) return
    const outcome = await updatePartitionSpec(this.table, { removeFields, addFields }, { environment })
    this.#accept(`partition by ${text(addFields)}, no longer by ${removeFields.join()}`, outcome)
  }

  #partitionBy(kept: readonly PartitionField[]) {
    const dice = this.#dice
    const path = dice.pick(leaves(this.schema.fields))
    const { id, type } = path.at(-1)!
    const able = transforms.filter((transform) => acceptsSource(transform, type))
    if (able.length === 0) return undefined
    const transform = dice.pick(able)
    if (kept.some((field) => field.sourceIds.includes(id) && field.transform.kind === transform.kind)) return undefined
    return { column: dotted(path), transform, name: `p${this.#names++}` }
  }

  async #changeOrder(): Promise<void> {
    const dice = this.#dice
    const paths = leaves(this.schema.fields).filter((path) => comparable(path.at(-1)!.type) && dice.once(4))
    const order = paths.map((path) => ({ column: dotted(path), direction: dice.pick(['asc', 'desc'] as const) }))
    this.#accept(`sort by ${text(order)}`, await updateSortOrder(this.table, order, { environment }))
  }

  async #changeRefs(): Promise<void> {
    const dice = this.#dice
    const { refs } = this.table.loaded.metadata
    const others = Object.keys(refs).filter((name) => name !== 'main')
    const at = { snapshotId: dice.pick([...this.states.keys()]) }
    const name = `ref ${this.#names++}`
    const kind = dice.pick(['branch', 'tag', 'remove', 'forward'] as const)
    if (kind === 'branch') this.#accept('branch', await createBranch(this.table, { name, at }, { environment }))
    else if (kind === 'tag') this.#accept('tag', await createTag(this.table, { name, at }, { environment }))
    else if (others.length > 0) {
      const other = dice.pick(others)
      const { metadata } = this.table.loaded
      const target = refs[other]!.snapshotId
      if (kind === 'remove') {
        this.#accept('remove ref', await removeRef(this.table, { name: other }, { environment }))
      } else if (isAncestor(metadata, metadata.currentSnapshotId!, target)) {
        const change = { branch: 'main', to: { ref: other } }
        this.#accept('fast forward', await fastForward(this.table, change, { environment }))
      }
    }
  }

  async #appendToBranch(): Promise<void> {
    const branches = Object.entries(this.table.loaded.metadata.refs).filter(([, ref]) => ref.type === 'branch')
    const [branch] = this.#dice.pick(branches)
    const added = this.#newRows()
    const outcome = await append(this.table, { files: await this.#files(added), branch }, { environment })
    this.#accept(`append to ${branch}`, outcome, plus(added))
  }

  async #goBack(): Promise<void> {
    const { metadata } = this.table.loaded
    const snapshotId = this.#dice.pick([...this.states.keys()])
    if (isAncestor(metadata, snapshotId, metadata.currentSnapshotId!)) {
      this.#accept('roll back', await rollbackTo(this.table, { snapshotId }, { environment }))
    } else {
      this.#accept('set current', await setCurrentSnapshot(this.table, { snapshotId }, { environment }))
    }
  }

  /** A snapshot that no branch has is picked, perhaps after another one. */
  async #stage(): Promise<void> {
    const added = this.#newRows()
    const files = await this.#files(added)
    this.#accept('stage', await append(this.table, { files, stageOnly: true }, { environment }), plus(added))
    const sourceSnapshotId = this.table.loaded.metadata.snapshots.at(-1)!.snapshotId
    if (this.#dice.once(2)) await this.#append()
    this.#accept('cherry-pick', await cherryPick(this.table, { sourceSnapshotId }, { environment }), plus(added))
  }

  /** Two writers start from one state of the table: what the second one does lands as if after or before the first, or not. */
  async #race(): Promise<void> {
    const changes = [
      async () => this.#append(),
      async () => this.#upsert(),
      async () => this.#deletePositions(),
      async () => this.#deleteEqual(),
      async () => this.#compact(),
      async () => this.#deleteWhere(),
      async () => this.#overwriteWhere(),
      async () => this.#rewriteManifests(),
    ]
    const { table, rows } = this
    this.#racing = true
    this.#takeChange()
    const others = [async () => this.#changeSchema(), async () => this.#changePartitions()]
    await this.#dice.pick([...changes, ...others, ...others])()
    const first = this.#takeChange()
    this.table = table
    await this.#dice.pick(changes)()
    const second = this.#takeChange()
    this.#racing = false
    this.table = await refreshTable(this.table)
    const { currentSnapshotId } = this.table.loaded.metadata
    if (first === undefined || second === undefined || currentSnapshotId === undefined) return
    const found = text(await this.#found())
    const before = first(second(rows))
    if (found === text(sorted(this.expected({}, before)))) this.states.set(currentSnapshotId, before)
  }

  #takeChange(): Change | undefined {
    const change = this.#lastChange
    this.#lastChange = undefined
    return change
  }

  async #found(): Promise<readonly PlainValue[][]> {
    const rows: PlainValue[][] = []
    const at = this.schema.fields.findIndex(({ name }) => name === 'id')
    for await (const batch of new IcebergReader(this.table).scan()) rows.push(...batchRows(batch))
    return sorted(new Map(rows.map((row) => [row[at] as bigint, row])))
  }

  async #expire(): Promise<void> {
    const retainLast = 1 + this.#dice.below(5)
    const removeUnusedMetadata = this.#dice.once(2)
    const selection = { olderThanMs: environment.clockMs, retainLast, removeUnusedMetadata }
    const outcome = await expireSnapshots(this.table, selection, { environment })
    this.#accept('expire', outcome)
    const left = new Set(this.table.loaded.metadata.snapshots.map(({ snapshotId }) => snapshotId))
    this.states = new Map([...this.states].filter(([snapshotId]) => left.has(snapshotId)))
    if (this.#dice.once(2)) return
    this.done.push('remove orphans')
    const old = { olderThanMs: Date.now() + 1_000_000 }
    await removeOrphanFiles(this.table, old, { environment })
  }

  /** What a scan must give of a snapshot. */
  expected(choice: SnapshotChoice, rows: Rows): Map<bigint, PlainValue[]> {
    const { fields } = scanSchema(this.table.loaded.metadata, choice)
    return new Map([...rows].map(([id, row]) => [id, plainRow(fields, row)]))
  }
}

const same: Change = (rows) => rows

function plus(added: Rows): Change {
  return (rows) => new Map([...rows, ...added])
}

function without(passes: (row: ModelStruct, id: bigint) => boolean): Change {
  return (rows) => new Map([...rows].filter(([id, row]) => !passes(row, id)))
}

function sorted(rows: ReadonlyMap<bigint, PlainValue[]>): readonly PlainValue[][] {
  return [...rows].toSorted(([a], [b]) => Number(a - b)).map(([, row]) => row)
}

const isUnpartitioned = ({ fields }: PartitionSpec): boolean =>
  fields.every(({ transform }) => transform.kind === 'void')

function text(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`
    if (typeof inner === 'number' && (!Number.isFinite(inner) || Object.is(inner, -0))) return `:${1 / inner}:${inner}`
    return inner
  })
}
