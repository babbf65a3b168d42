import type { ChangelogScanTask } from '@icebridge/iceberg-core'
import { addAt, type ChangedRows, type ChangeSource, type ChangeType, valueAt } from './change-source.ts'

/**
 * The rows by which the state after all snapshots differs from the state before them, without keys: each row as often as it
 * was inserted more often than deleted, in its last places, or the other way round, in its first ones.
 */
export async function* netChanges(
  tasks: readonly ChangelogScanTask[],
  source: ChangeSource,
): AsyncGenerator<ChangedRows, void, undefined> {
  // By row: how often it was inserted, and how often deleted.
  const rows = source.table(2)
  for (const task of tasks) {
    for await (const batch of source.whole(task)) {
      const counts = task.change === 'insert' ? [1, 0] : [0, 1]
      await rows.add({ keys: source.rowsOf(batch), rows: batch.numRows }, counts)
    }
  }
  for (const task of tasks) {
    for await (const batch of source.whole(task)) {
      const types: (ChangeType | undefined)[] = Array.from({ length: batch.numRows })
      await rows.visit({ keys: source.rowsOf(batch), rows: batch.numRows, mutates: true }, (row, table, entry) => {
        const [inserted, deleted] = [valueAt(table, entry, 0), valueAt(table, entry, 1)]
        if (task.change === 'insert' && inserted > deleted) {
          if (deleted === 0) types[row] = 'INSERT'
          else {
            // One of the insertions that a deletion makes up for.
            addAt(table, entry, 0, -1)
            addAt(table, entry, 1, -1)
          }
        }
        if (task.change === 'delete' && deleted > inserted) {
          types[row] = 'DELETE'
          addAt(table, entry, 1, -1)
        }
      })
      yield { task, batch, types }
    }
  }
}
