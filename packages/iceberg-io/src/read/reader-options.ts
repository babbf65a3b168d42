import type { Expression, Schema, TableHandle } from '@icebridge/iceberg-core'
import { EqualityDeletes } from '../delete/equality-deletes.ts'
import { PositionDeletes } from '../delete/position-deletes.ts'
import type { SpillFile } from '../delete/spill-file.ts'
import type { MapPath } from './data-rows.ts'
import type { TaskRowsContext } from './task-rows.ts'

export interface ReaderOptions {
  /** Most rows in a batch, by default 16,384. */
  readonly batchRows?: number | undefined
  /**
   * Bytes in memory at which what is kept for comparing goes to a temporary file: positions that are deleted, keys of
   * equality deletes for each set of columns, rows of rewritten files when changes are read. Default 256 MiB.
   */
  readonly spillAboveBytes?: number | undefined
  /** Where temporary files are made; default the system's folder for them. */
  readonly temporaryFolder?: string | undefined
  readonly signal?: AbortSignal | undefined
}

const defaultSpillAboveBytes = 256 * 1024 * 1024

/** What is read of each row, and of which rows. */
export interface RowOptions {
  /**
   * Columns, in this order; by default all of the schema's. A dotted path (`address.city`) gives the struct with only that
   * part of it; parts of one struct come as one column. Of a table that has none of that name also
   * `_file`, `_pos`, `_spec_id`, `_partition`, `_row_id`, `_last_updated_sequence_number`, and `_deleted`, with which
   * deleted rows come as well.
   */
  readonly columns?: readonly string[] | undefined
  readonly filter?: Expression | undefined
  /** Where a data or delete file is now, for tables whose files have moved. */
  readonly mapPath?: MapPath | undefined
  readonly signal?: AbortSignal | undefined
}

/** What all tasks of one read have in common but their columns. */
export interface ReadContext extends Omit<TaskRowsContext, 'columns'> {
  readonly spillAboveBytes: number
}

export function readContext(
  table: TableHandle,
  schema: Schema,
  { reader, rows, spill }: { readonly reader: ReaderOptions; readonly rows: RowOptions; readonly spill: SpillFile },
): ReadContext {
  const { io } = table
  const { metadata } = table.loaded
  const { batchRows, spillAboveBytes = defaultSpillAboveBytes } = reader
  const { mapPath } = rows
  const signal = rows.signal ?? reader.signal
  const deletes = { metadata, schema, spill, memoryBytes: spillAboveBytes, mapPath, signal }
  const positionDeletes = new PositionDeletes(io, deletes)
  const equalityDeletes = new EqualityDeletes(io, deletes)
  return { io, metadata, schema, positionDeletes, equalityDeletes, batchRows, mapPath, signal, spillAboveBytes }
}
