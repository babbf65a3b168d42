import type { ChangelogScanTask } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import type { KeyTable } from '../delete/key-table.ts'
import type { SpillingKeyTable } from '../delete/spilling-key-table.ts'
import { type ChangedRows, type ChangeSource, type ChangeType, valueAt } from './change-source.ts'
import { ambiguous } from './snapshot-changes.ts'

/** What is known of a key, as the numbers of its entry. */
const place = { first: 0, state: 1, last: 2, mark: 3 } as const

/** Bits of `state`. */
const existed = 1
const lives = 2

/** Values of `mark`: an entry, one whose row is the same before and after, or a change to be added to an entry. */
const marks = { changed: 0, unchanged: 1, event: -1 } as const

/**
 * The rows by which the state after all snapshots differs from the state before them, by key: what was first deleted and
 * last inserted of each, both of them as an update, unless they have the same bytes.
 *
 * @throws IcebergIoError `duplicate-keys` when a key has several rows at once.
 */
export async function* netChangesByKey(
  tasks: readonly ChangelogScanTask[],
  source: ChangeSource,
): AsyncGenerator<ChangedRows, void, undefined> {
  const keys = await keyStates(tasks, source)
  await markUnchanged(tasks, { source, keys })
  for (const task of tasks) {
    for await (const batch of source.whole(task)) {
      const types: (ChangeType | undefined)[] = Array.from({ length: batch.numRows })
      await keys.visit({ keys: source.keysOf(batch), rows: batch.numRows }, (row, table, entry) => {
        if (valueAt(table, entry, place.mark) === marks.unchanged || !isDecisive(task, table, entry)) return
        const isUpdate = valueAt(table, entry, place.state) === (existed | lives)
        if (task.change === 'delete') types[row] = isUpdate ? 'UPDATE_BEFORE' : 'DELETE'
        else types[row] = isUpdate ? 'UPDATE_AFTER' : 'INSERT'
      })
      yield { task, batch, types }
    }
  }
}

/** For each key where it was touched first and last, and whether it had a row before and has one after. */
async function keyStates(tasks: readonly ChangelogScanTask[], source: ChangeSource): Promise<SpillingKeyTable> {
  const keys = source.table(4, (table, entry, values) => {
    const [ordinal = 0, change = 0, last = 0, mark = 0] = values
    const at = entry * table.width
    if (mark !== marks.event) {
      table.values.set([ordinal, change, last, mark], at)
      return
    }
    const isNew = valueAt(table, entry, place.first) === 0
    const before = valueAt(table, entry, place.state)
    const isInsert = change === lives
    if (!isNew && ((before & lives) !== 0) === isInsert) {
      throw ambiguous(tasks.find(({ changeOrdinal }) => changeOrdinal === ordinal - 1))
    }
    const past = isNew ? (isInsert ? 0 : existed) : before & existed
    const first = isNew ? ordinal : valueAt(table, entry, place.first)
    table.values.set([first, past | (isInsert ? lives : 0), ordinal, marks.changed], at)
  })
  for (const task of tasks) {
    const change = task.change === 'insert' ? lives : 0
    for await (const batch of source.keysOnly(task)) {
      const event = [task.changeOrdinal + 1, change, 0, marks.event]
      await keys.add({ keys: source.keysOfKeys(batch), rows: batch.numRows }, event)
    }
  }
  return keys
}

/** Marks keys whose row after is, byte for byte, their row before. */
async function markUnchanged(
  tasks: readonly ChangelogScanTask[],
  { source, keys }: { readonly source: ChangeSource; readonly keys: SpillingKeyTable },
): Promise<void> {
  const before = source.table(1)
  const both = (task: ChangelogScanTask, table: KeyTable, entry: number): boolean =>
    valueAt(table, entry, place.state) === (existed | lives) && isDecisive(task, table, entry)
  for (const task of tasks.filter(({ change }) => change === 'delete')) {
    for await (const batch of source.whole(task)) {
      const skip = new Uint8Array(batch.numRows).fill(1)
      await keys.visit(of(batch), (row, table, entry) => {
        if (both(task, table, entry)) skip[row] = 0
      })
      await before.add({ keys: source.rowsOf(batch), rows: batch.numRows, skip }, [1])
    }
  }
  for (const task of tasks.filter(({ change }) => change === 'insert')) {
    for await (const batch of source.whole(task)) {
      const same = new Uint8Array(batch.numRows)
      await before.visit({ keys: source.rowsOf(batch), rows: batch.numRows }, (row, _, entry) => {
        if (entry >= 0) same[row] = 1
      })
      await keys.visit({ ...of(batch), skip: same.map((bit) => 1 - bit), mutates: true }, (_, table, entry) => {
        if (both(task, table, entry)) table.values[entry * table.width + place.mark] = marks.unchanged
      })
    }
  }

  function of(batch: RecordBatch): { readonly keys: ReturnType<ChangeSource['keysOf']>; readonly rows: number } {
    return { keys: source.keysOf(batch), rows: batch.numRows }
  }
}

/** Whether a task has the row that a key had before all changes, or the one that it has after them. */
function isDecisive(task: ChangelogScanTask, table: KeyTable, entry: number): boolean {
  const state = valueAt(table, entry, place.state)
  return task.change === 'delete'
    ? (state & existed) !== 0 && valueAt(table, entry, place.first) === task.changeOrdinal + 1
    : (state & lives) !== 0 && valueAt(table, entry, place.last) === task.changeOrdinal + 1
}
