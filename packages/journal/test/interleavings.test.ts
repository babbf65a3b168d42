import { deepEqual, equal } from 'node:assert/strict'
import { columnView } from '@icebridge/columnar'
import type { TableCommit } from '@icebridge/iceberg-core'
import { ancestorsOf } from '@icebridge/iceberg-core'
import {
  isJournalError,
  journalProperty,
  type AppliedPosition,
  type Journal,
  type JournalBatch,
} from '@icebridge/journal'
import { expect, test } from 'vitest'
import {
  collect,
  commitUpdates,
  compaction,
  expire,
  newJournal,
  readOn,
  rollBack,
  rowsIn,
  rowsOf,
  strategy,
  testLake,
  writeBatch,
  type TestLake,
} from './support.ts'

/**
 * A source whose nth change is the row with id n, and whose watermark is the number of changes. Then, whatever happens, the
 * journal holds the changes 1 to its watermark, each once and in order, and so does a target after it has applied.
 */
class Model {
  readonly lake: TestLake
  readonly #journal: Journal
  readonly #random: () => number
  #changes = 0
  /** Batches that have read their rows and not committed: other extractors, at whatever stage. */
  readonly #pending: { batch: JournalBatch; to: number }[] = []
  /** Requests whose answer never came and whose files are kept. */
  #lost: TableCommit[] = []
  #target: { position: AppliedPosition | undefined; ids: number[] } = { position: undefined, ids: [] }
  readonly seen = new Set<string>()
  ended = false

  private constructor(lake: TestLake, journal: Journal, seed: number) {
    this.lake = lake
    this.#journal = journal
    let state = seed * 2654435761
    this.#random = () => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
      return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
    }
  }

  static async create(seed: number): Promise<Model> {
    const lake = testLake(seed)
    return new Model(lake, await newJournal(lake), seed)
  }

  async step(): Promise<void> {
    this.#changes += this.#pick(3)
    const actions = [
      () => this.#begin(),
      () => this.#begin(),
      () => this.#commit(),
      () => this.#commit(),
      () => this.#commit(),
      () => this.#compact(),
      () => this.#rollBack(),
      () => this.#expire(),
      () => this.#landLate(),
      () => this.#apply(),
      () => this.#apply(),
    ]
    await actions[this.#pick(actions.length)]?.()
    await this.check()
  }

  /** The journal holds exactly the changes up to its watermark, numbered without gaps. */
  async check(): Promise<void> {
    const head = await this.#head()
    const watermark = Number(head.watermark ?? 0)
    const read = await (await this.#journal.refresh()).readFrom(undefined, { bookkeeping: ['_sync_batch'] })
    const [unit] = await collect(read.units({ maxRows: 10_000 }))
    const rows = unit === undefined ? [] : await rowsIn(unit)
    deepEqual(
      rows.map(({ id }) => id),
      Array.from({ length: watermark }, (_, at) => at + 1),
    )
    deepEqual(
      rows.map(({ seq }) => seq),
      rows.map((_, at) => BigInt(at + 1)),
    )
    const batches = unit === undefined ? [] : await batchRuns(unit.batches)
    equal(new Set(batches).size, batches.length)
  }

  async #begin(): Promise<void> {
    const journal = await this.#journal.refresh()
    const base = await this.#head()
    const low = Number(base.watermark ?? 0)
    const to = low + this.#pick(this.#changes - low + 1)
    const ids = Array.from({ length: to - low }, (_, at) => [low + at + 1, null] as const)
    const rows = ids.length === 0 ? [] : [rowsOf(ids)]
    this.#pending.push({ batch: await writeBatch(journal, this.lake, { watermark: String(to), rows, base }), to })
  }

  async #commit(): Promise<void> {
    const [next] = this.#pending.splice(this.#pick(this.#pending.length), 1)
    if (next === undefined) return
    const faults = [
      [],
      [],
      ['lost-after-commit'],
      ['lost-before-commit'],
      ['conflict'],
      Array(5).fill('lost-before-commit'),
    ]
    this.lake.catalog.faults.push(...(faults[this.#pick(faults.length)] ?? []))
    const before = this.lake.catalog.commits.length
    try {
      const outcome = await next.batch.commit({ watermark: String(next.to), strategy })
      this.seen.add(outcome.status)
    } catch (error) {
      if (!isJournalError(error, 'outcome-unknown')) throw error
      this.seen.add('unknown')
      this.#lost = this.lake.catalog.commits.slice(before)
    } finally {
      this.lake.catalog.faults.length = 0
    }
  }

  async #compact(): Promise<void> {
    if ((await this.#history()).length > 0) await compaction(this.#journal, this.lake)
  }

  async #rollBack(): Promise<void> {
    const history = await this.#history()
    const to = history[this.#pick(Math.min(history.length, 4))]
    if (to === undefined) return
    // A request of before a rollback that lands after it is outside what is assumed: see SPEC.md.
    this.#lost = []
    await rollBack(this.#journal, to)
    this.seen.add('rolled back')
  }

  async #expire(): Promise<void> {
    const { metadata } = (await this.#journal.refresh()).table.loaded
    const ids = metadata.snapshots.map(({ snapshotId }) => snapshotId).filter((id) => id !== metadata.currentSnapshotId)
    const gone = ids.filter(() => this.#pick(3) === 0)
    if (gone.length === 0) return
    await expire(this.#journal, gone)
    this.seen.add('expired')
  }

  async #landLate(): Promise<void> {
    for (const commit of this.#lost.splice(0)) {
      const outcome = await this.lake.catalog.commitTable(this.#journal.table.identifier, commit)
      this.seen.add(`late ${outcome.status}`)
    }
  }

  async #apply(): Promise<void> {
    const head = await this.#head()
    try {
      const read = await readOn(this.#journal, this.#target.position)
      this.seen.add(read.scan)
      const units = await collect(read.units({ maxRows: 1 + this.#pick(4), wholeSnapshots: this.#pick(3) === 0 }))
      // A crash after some of the units.
      const applied = units.slice(0, this.#pick(4) === 0 ? this.#pick(units.length) : units.length)
      for (const unit of applied) {
        const rows = await rowsIn(unit)
        equal(rows.length, unit.rows)
        const sequence = unit.rows === 0 ? (this.#target.position?.sequence ?? 0n) : unit.sequence.to
        this.#target = {
          ids: [...this.#target.ids, ...rows.map(({ id }) => id ?? -1)],
          position: { tableUuid: read.tableUuid, snapshotId: unit.snapshotId, sequence },
        }
      }
      const { ids } = this.#target
      deepEqual(
        ids,
        ids.map((_, at) => at + 1),
      )
      if (applied.length === units.length) equal(ids.length, Number(head.watermark ?? 0))
    } catch (error) {
      if (!isJournalError(error, 'rolled-back')) throw error
      this.seen.add('target stopped')
      this.#target = { position: undefined, ids: [] }
    }
  }

  /** The head; when a rollback and an expiry have hidden it, after what the error's hint says. */
  async #head(): Promise<Awaited<ReturnType<Journal['head']>>> {
    try {
      return await (await this.#journal.refresh()).head()
    } catch (error) {
      if (!isJournalError(error, 'position-lost')) throw error
      this.seen.add('position lost')
      await commitUpdates(this.#journal, [{ action: 'remove-properties', removals: [journalProperty.position] }])
      // The operator learns from the hint that targets may have followed what is gone.
      this.#target = { position: undefined, ids: [] }
      const refreshed = await this.#journal.refresh()
      return await refreshed.head().catch((cause: unknown) => {
        // Nothing is left that tells where the journal stands: the end of this walk, and rightly so.
        if (isJournalError(cause, 'position-lost')) this.ended = true
        throw cause
      })
    }
  }

  async #history(): Promise<readonly bigint[]> {
    const { metadata } = (await this.#journal.refresh()).table.loaded
    if (metadata.currentSnapshotId === undefined) return []
    return ancestorsOf(metadata, metadata.currentSnapshotId).map(({ snapshotId }) => snapshotId)
  }

  #pick(below: number): number {
    return Math.floor(this.#random() * below)
  }
}

/** The batch ids in the order of the rows, each run of equal ones once. */
async function batchRuns(batches: AsyncIterable<Parameters<typeof columnView>[0]>): Promise<string[]> {
  const runs: string[] = []
  for await (const batch of batches) {
    const view = columnView(
      batch,
      batch.schema.fields.findIndex(({ name }) => name === '_sync_batch'),
    )
    if (view.kind !== 'string') throw new TypeError('_sync_batch is no string')
    for (let row = 0; row < batch.numRows; row += 1) {
      const id = view.value(row)
      if (runs.at(-1) !== id) runs.push(id)
    }
  }
  return runs
}

test('whatever extractors, faults, rollbacks, expiries and compactions do, every change is in journal and target once', async () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 40; seed += 1) {
    const model = await Model.create(seed)
    for (let step = 0; step < 40; step += 1) {
      try {
        await model.step()
      } catch (error) {
        if (model.ended) break
        throw new Error(`seed ${seed}, step ${step}`, { cause: error })
      }
    }
    for (const what of model.seen) seen.add(what)
  }
  // A walk that never meets these proves nothing of them.
  expect([...seen]).toEqual(
    expect.arrayContaining([
      'committed',
      'conflict',
      'unknown',
      'late committed',
      'late conflict',
      'rolled back',
      'expired',
      'position lost',
      'target stopped',
      'whole',
      'incremental',
      'filtered',
      'none',
    ]),
  )
}, 300_000)
