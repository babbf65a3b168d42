import {
  alwaysTrue,
  currentSchema,
  type Expression,
  FileMatcher,
  type FileScanTask,
  planScan,
  positionColumn,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { takeRows } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import type { PositionSet } from '../delete/position-set.ts'
import { type ActionOutcome, actionOutcome } from './action-outcome.ts'
import { fileRows, lineageColumns, passingPositions, positionsOf, withoutColumn } from './file-rows.ts'
import { type ActionOptions, type ChangeMode, RowChanges } from './row-changes.ts'

export interface DeleteWhereOptions extends ActionOptions {
  /** Default `copy-on-write`. */
  readonly mode?: ChangeMode | undefined
}

export interface DeleteCounts {
  readonly deleted: number
  readonly filesAdded: number
  readonly filesRemoved: number
}

/**
 * Deletes the rows that pass a filter, in one snapshot. A file whose rows all pass goes as a whole and is not opened unless
 * it has deletes, which are needed to count its rows; one of which some pass is written anew, or gets deletes by position.
 *
 * The filter is tied to the table's current schema; a comparison with null is not passed. Rows that stay keep their lineage.
 * Memory is bounded by a row group and the positions that are deleted.
 *
 * A conflict is whatever touches the same files, and new rows that pass the filter, since the table was loaded.
 *
 * @throws IcebergError `no-such-column`, `invalid-argument`; as `overwrite` and the store do. What was written is
 * deleted then.
 */
export async function deleteWhere(
  table: TableHandle,
  filter: Expression,
  options: DeleteWhereOptions,
): Promise<ActionOutcome<DeleteCounts>> {
  const changes = new RowChanges(table, options)
  try {
    const deleted = await deleteRows(table, filter, { changes, mode: options.mode, signal: options.signal })
    await changes.finish()
    const counts = { deleted, filesAdded: changes.added.length, filesRemoved: changes.removed.length }
    if (changes.isEmpty) return { status: 'unchanged', table, counts }
    return await actionOutcome(await changes.commit(filter), { table, files: changes.written, counts })
  } catch (error) {
    await changes.abort()
    throw error
  }
}

export interface OverwriteCounts extends DeleteCounts {
  readonly inserted: number
}

/**
 * Puts rows in the place of those that pass a filter, in one snapshot: {@link deleteWhere} and an append together. The new
 * rows may be any.
 *
 * @throws As {@link deleteWhere}; IcebergIoError `schema-mismatch`.
 */
export async function overwriteWhere(
  table: TableHandle,
  change: { readonly where: Expression; readonly rows: AsyncIterable<RecordBatch> | Iterable<RecordBatch> },
  options: DeleteWhereOptions,
): Promise<ActionOutcome<OverwriteCounts>> {
  const changes = new RowChanges(table, options)
  try {
    const { signal } = options
    const deleted = await deleteRows(table, change.where, { changes, mode: options.mode, signal })
    let inserted = 0
    for await (const batch of change.rows) {
      signal?.throwIfAborted()
      await (await changes.writer()).write(batch)
      inserted += batch.numRows
    }
    await changes.finish()
    const counts = { deleted, inserted, filesAdded: changes.added.length, filesRemoved: changes.removed.length }
    if (changes.isEmpty) return { status: 'unchanged', table, counts }
    return await actionOutcome(await changes.commit(change.where), { table, files: changes.written, counts })
  } catch (error) {
    await changes.abort()
    throw error
  }
}

interface DeleteRun {
  readonly changes: RowChanges
  readonly mode: ChangeMode | undefined
  readonly signal: AbortSignal | undefined
}

/** Takes the rows out that pass; says how many. */
async function deleteRows(table: TableHandle, filter: Expression, run: DeleteRun): Promise<number> {
  const { changes, mode = 'copy-on-write', signal } = run
  const matcher = new FileMatcher(table.loaded.metadata, filter)
  let deleted = 0
  for await (const task of planScan(table, { filter, signal })) {
    const whole = matcher.match(task.file) === 'all'
    if (whole && task.deletes.length === 0) {
      deleted += Number(task.file.recordCount)
      changes.remove(task.file)
      continue
    }
    const positions = await passingPositions(table, whole ? { ...task, residual: alwaysTrue } : task, { signal })
    const count = Number(positions.cardinality)
    deleted += count
    if (whole || (count > 0 && task.deletes.length === 0 && count === Number(task.file.recordCount))) {
      changes.remove(task.file)
    } else if (count === 0) continue
    else if (mode === 'merge-on-read') changes.deleteRows(task, positions)
    else await rewriteWithout(table, task, { ...run, positions })
  }
  return deleted
}

async function rewriteWithout(
  table: TableHandle,
  task: FileScanTask,
  { changes, positions, signal }: DeleteRun & { readonly positions: PositionSet },
): Promise<void> {
  const columns = [
    ...currentSchema(table.loaded.metadata).fields.map(({ name }) => name),
    positionColumn.name,
    ...lineageColumns(table.loaded.metadata),
  ]
  for await (const batch of fileRows(table, [task], { columns, signal })) {
    const at = positionsOf(batch)
    const rows = new Uint32Array(batch.numRows)
    let count = 0
    for (let row = 0; row < batch.numRows; row++) if (!positions.has(at.value(row))) rows[count++] = row
    if (count === 0) continue
    const kept = count === batch.numRows ? batch : takeRows(batch, rows.subarray(0, count))
    await (await changes.writer()).write(withoutColumn(kept, positionColumn.name))
  }
  changes.remove(task.file)
}
