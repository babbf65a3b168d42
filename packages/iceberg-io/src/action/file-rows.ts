import { type Int64View, selectColumns } from '@icebridge/columnar'
import {
  alwaysTrue,
  type FileScanTask,
  lastUpdatedSequenceNumberColumn,
  positionColumn,
  rowIdColumn,
  type TableHandle,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import { type Data, Int64, makeData, type RecordBatch } from 'apache-arrow'
import { PositionSet } from '../delete/position-set.ts'
import { IcebergReader } from '../read/iceberg-reader.ts'
import { batchOfColumns, type Column, columnNamed, viewsOf } from './columns.ts'

/** The columns that a row takes along when it moves to another file; none before format version 3. */
export function lineageColumns({ formatVersion }: Pick<TableMetadata, 'formatVersion'>): readonly string[] {
  return formatVersion >= 3 ? [rowIdColumn.name, lastUpdatedSequenceNumberColumn.name] : []
}

/**
 * All rows that the deletes leave of files, whatever the filter that planned them says. Delete files that several of them share
 * are read once.
 */
export function fileRows(
  table: TableHandle,
  tasks: readonly FileScanTask[],
  options: { readonly columns: readonly string[]; readonly signal: AbortSignal | undefined },
): AsyncGenerator<RecordBatch, void, undefined> {
  const reader = new IcebergReader(table, { signal: options.signal })
  const whole = tasks.map((task) => ({ ...task, residual: alwaysTrue }))
  return reader.scanTasks(whole, { columns: options.columns })
}

/** The positions of the rows of a file that the deletes leave and that pass the filter which planned it. */
export async function passingPositions(
  table: TableHandle,
  task: FileScanTask,
  options: { readonly signal: AbortSignal | undefined },
): Promise<PositionSet> {
  const reader = new IcebergReader(table, { signal: options.signal })
  const positions = new PositionSet()
  for await (const batch of reader.scanTasks([task], { columns: [positionColumn.name] })) {
    const view = positionsOf(batch)
    for (let row = 0; row < batch.numRows; row++) positions.add(view.value(row))
  }
  return positions
}

/** The positions of the rows of a batch that was read with `_pos`. */
export function positionsOf(batch: RecordBatch): Int64View {
  const [view] = viewsOf(batch, [positionColumn.name])
  if (view?.kind !== 'int64') throw new TypeError('positions are 64-bit')
  return view
}

/** The batch without the column, when it has it. */
export function withoutColumn(batch: RecordBatch, name: string): RecordBatch {
  const kept = [...batch.schema.fields.keys()].filter((index) => batch.schema.fields[index]?.name !== name)
  return kept.length === batch.numCols ? batch : selectColumns(batch, kept)
}

/** The batch with `_last_updated_sequence_number` null in the marked rows: they inherit that of the commit. */
export function withChangedLineage(batch: RecordBatch, changed: Uint8Array): RecordBatch {
  const { name } = lastUpdatedSequenceNumberColumn
  if (columnNamed(batch, name) === undefined) return batch
  const columns = batch.schema.fields.flatMap((field): readonly Column[] => {
    const column = columnNamed(batch, field.name)
    if (column === undefined) return []
    return field.name === name ? [{ field, data: nulled(column.data, changed) }] : [column]
  })
  return batchOfColumns(columns, batch.numRows)
}

function nulled(data: Data, rows: Uint8Array): Data {
  const bits = new Uint8Array((data.length + 7) >> 3)
  let nullCount = 0
  for (let row = 0; row < data.length; row++) {
    if (rows[row] === 1 || !data.getValid(row)) nullCount++
    else bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
  }
  const values: BigInt64Array = data.values
  return makeData({ type: new Int64(), length: data.length, nullCount, nullBitmap: bits, data: values })
}
