import { alwaysTrue, defaultSpec, partitionKey, planScan, type TableHandle } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import { type ActionOutcome, actionOutcome } from './action-outcome.ts'
import { type ActionOptions, RowChanges } from './row-changes.ts'

export interface PartitionCounts {
  readonly inserted: number
  readonly partitions: number
  readonly filesAdded: number
  readonly filesRemoved: number
}

/**
 * Replaces the partitions that the rows fall into, and no others, in one snapshot (dynamic partition overwrite). Of a table
 * without partitions that is everything; without a row nothing is replaced.
 *
 * A conflict is whatever touches a file that goes, and with `serializable` isolation, the default, any row added since the
 * table was loaded.
 *
 * @throws IcebergIoError `invalid-argument` for a table with files of an earlier partition spec: they are in no partition of
 * the current one; `schema-mismatch`; as `overwrite` and the store do. What was written is deleted then.
 */
export async function overwritePartitions(
  table: TableHandle,
  batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>,
  options: ActionOptions,
): Promise<ActionOutcome<PartitionCounts>> {
  const { signal } = options
  const changes = new RowChanges(table, options)
  try {
    let inserted = 0
    for await (const batch of batches) {
      signal?.throwIfAborted()
      if (batch.numRows === 0) continue
      await (await changes.writer()).write(batch)
      inserted += batch.numRows
    }
    await changes.finish()
    const partitions = new Set(changes.added.map(partitionKey))
    const { specId } = defaultSpec(table.loaded.metadata)
    if (partitions.size > 0) {
      for await (const { file } of planScan(table, { signal })) {
        if (file.specId !== specId) throw otherSpec(file.filePath, { found: file.specId, specId })
        if (partitions.has(partitionKey(file))) changes.remove(file)
      }
    }
    const counts = {
      inserted,
      partitions: partitions.size,
      filesAdded: changes.added.length,
      filesRemoved: changes.removed.length,
    }
    if (changes.isEmpty) return { status: 'unchanged', table, counts }
    return await actionOutcome(await changes.commit(alwaysTrue), { table, files: changes.written, counts })
  } catch (error) {
    await changes.abort()
    throw error
  }
}

function otherSpec(file: string, ids: { readonly found: number; readonly specId: number }): IcebergIoError {
  return new IcebergIoError(
    'invalid-argument',
    `${file} is of partition spec ${ids.found}, and only partitions of the current one (${ids.specId}) can be replaced`,
    {
      context: { file, specId: ids.found, currentSpecId: ids.specId },
      hint: 'Compact the table first, or use overwriteWhere.',
    },
  )
}
