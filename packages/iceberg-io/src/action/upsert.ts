import { concatBatches, takeRows } from '@icebridge/columnar'
import {
  append,
  currentSchema,
  currentSnapshot,
  type FileScanTask,
  findFieldById,
  formatIdentifier,
  isPrimitive,
  type NestedField,
  planScan,
  positionColumn,
  rowIdColumn,
  type Schema,
  type SnapshotCommit,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { PositionSet } from '../delete/position-set.ts'
import { IcebergIoError } from '../errors.ts'
import { type ActionOutcome, actionOutcome } from './action-outcome.ts'
import { batchOfColumns, columnNamed, columnsNamed } from './columns.ts'
import { fileRows, lineageColumns, positionsOf, withChangedLineage } from './file-rows.ts'
import { KeyRanges } from './key-ranges.ts'
import { Matches } from './matches.ts'
import { type ActionOptions, type ChangeMode, RowChanges } from './row-changes.ts'
import { SourceRows } from './source-rows.ts'

/** Bytes of input that are held, unless the caller says otherwise. */
const DEFAULT_INPUT_BYTES = 1024 * 1024 * 1024
const ROWS_A_BATCH = 16_384

export interface UpsertOptions extends ActionOptions {
  /** Names of the columns that identify a row; the schema's identifier fields when absent. */
  readonly keys?: readonly string[] | undefined
  /** Default `copy-on-write`. */
  readonly mode?: ChangeMode | undefined
  /** Input rows with the same key are an error (`refuse`, the default), or the last one counts. */
  readonly duplicates?: 'refuse' | 'last' | undefined
  /** Bytes of input rows at most, 1 GiB by default: they are held in memory. */
  readonly inputBytes?: number | undefined
}

export interface UpsertCounts {
  readonly inserted: number
  readonly updated: number
  /** Rows that the table holds as the input has them. */
  readonly unchanged: number
  readonly filesAdded: number
  readonly filesRemoved: number
}

/**
 * Puts rows into a table by their key: a row whose key is in the table replaces the row there, any other is added, in one
 * snapshot. Batches have all columns of the table, in any order; keys without null.
 *
 * Only files with a row that differs in some byte are changed. Copy-on-write writes them anew, and a row that is carried along
 * keeps its lineage (format version 3); merge-on-read deletes the rows by position. A row that is replaced keeps its `_row_id`. When the table has a key more than once, each of its rows is replaced.
 * Memory is bounded by the input, its keys, and a row group.
 *
 * A conflict is whatever touches the same files, and new rows within the range of the keys, since the table was loaded.
 *
 * @throws IcebergIoError `invalid-argument` without usable keys, `schema-mismatch`, `duplicate-keys`, `too-large`; as
 * `overwrite` and the store do. What was written is deleted then.
 */
export async function upsert(
  table: TableHandle,
  batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>,
  options: UpsertOptions,
): Promise<ActionOutcome<UpsertCounts>> {
  const { signal } = options
  const schema = currentSchema(table.loaded.metadata)
  const keys = keyFields(table, schema, options.keys)
  const source = await SourceRows.collect(batches, {
    schema,
    keys: keys.map(({ name }) => name),
    duplicates: options.duplicates ?? 'refuse',
    maxBytes: options.inputBytes ?? DEFAULT_INPUT_BYTES,
    signal,
  })
  const none = { inserted: 0, updated: 0, unchanged: 0, filesAdded: 0, filesRemoved: 0 }
  if (source === undefined) return { status: 'unchanged', table, counts: none }
  const ranges = new KeyRanges(source.batch, keys)
  const changes = new RowChanges(table, options)
  const run = new UpsertRun(table, source, { changes, mode: options.mode ?? 'copy-on-write', signal })
  try {
    for await (const task of planScan(table, { filter: ranges.filter, signal })) {
      if (ranges.mightHold(task.file)) await run.file(task)
    }
    await run.insert()
    await changes.finish()
    const { counts } = run
    if (changes.isEmpty) return { status: 'unchanged', table, counts }
    const outcome = run.isInsert
      ? await append(table, { ...options, files: changes.added, precondition: sameHead(table, options) }, options)
      : await changes.commit(ranges.filter)
    return await actionOutcome(outcome, { table, files: changes.written, counts })
  } catch (error) {
    await changes.abort()
    throw error
  }
}

/** One upsert from the first file that is looked at to the files that are to be committed. */
class UpsertRun {
  readonly #table: TableHandle
  readonly #columns: readonly string[]
  readonly #lineage: readonly string[]
  readonly #source: SourceRows
  readonly #changes: RowChanges
  readonly #options: { readonly mode: ChangeMode; readonly signal: AbortSignal | undefined }
  /** 1 for the source rows whose key is in the table. */
  readonly #matched: Uint8Array
  #updated = 0
  #unchanged = 0
  #inserted = 0

  constructor(
    table: TableHandle,
    source: SourceRows,
    options: { readonly changes: RowChanges; readonly mode: ChangeMode; readonly signal: AbortSignal | undefined },
  ) {
    const { metadata } = table.loaded
    this.#table = table
    this.#columns = currentSchema(metadata).fields.map(({ name }) => name)
    this.#lineage = lineageColumns(metadata)
    this.#source = source
    this.#changes = options.changes
    this.#options = options
    this.#matched = new Uint8Array(source.batch.numRows)
  }

  get counts(): UpsertCounts {
    return {
      inserted: this.#inserted,
      updated: this.#updated,
      unchanged: this.#unchanged,
      filesAdded: this.#changes.added.length,
      filesRemoved: this.#changes.removed.length,
    }
  }

  /** True when no row of the table is replaced. */
  get isInsert(): boolean {
    return this.#updated === 0
  }

  /** Looks for the keys in a file, and changes it when a row with one of them differs. */
  async file(task: FileScanTask): Promise<void> {
    const matches = await this.#find(task)
    if (matches.count === 0) return
    if (!(await this.#differs(task, matches))) this.#unchanged += matches.count
    else if (this.#options.mode === 'copy-on-write') await this.#rewrite(task, matches)
    else await this.#move(task, matches)
  }

  /** Adds the rows whose key is not in the table. */
  async insert(): Promise<void> {
    const { batch } = this.#source
    const rows = new Uint32Array(batch.numRows)
    let count = 0
    for (let row = 0; row < batch.numRows; row++) if (this.#matched[row] === 0) rows[count++] = row
    for (let start = 0; start < count; start += ROWS_A_BATCH) {
      const end = Math.min(count, start + ROWS_A_BATCH)
      await (await this.#changes.writer()).write(takeRows(batch, rows.subarray(start, end)))
    }
    this.#inserted = count
  }

  /** Looks up the key of every row of the file. */
  async #find(task: FileScanTask): Promise<Matches> {
    const matches = new Matches()
    for await (const batch of this.#rows(task, this.#source.keys)) matches.add(this.#source.find(batch))
    matches.mark(this.#matched)
    return matches
  }

  async #differs(task: FileScanTask, matches: Matches): Promise<boolean> {
    let first = 0
    for await (const batch of this.#rows(task, this.#columns)) {
      const differs = this.#source.differences(batch)
      for (const { row, sourceRow } of matches.within(first, batch.numRows)) {
        if (differs(row, sourceRow)) return true
      }
      first += batch.numRows
    }
    return false
  }

  /** Writes the file anew, with the source's rows in the place of those that differ from them. */
  async #rewrite(task: FileScanTask, matches: Matches): Promise<void> {
    const appender = await this.#changes.writer()
    let first = 0
    for await (const batch of this.#rows(task, [...this.#columns, ...this.#lineage])) {
      const change = this.#changeOf(batch, matches, first)
      await appender.write(change.count === 0 ? batch : this.#replaced(batch, change))
      first += batch.numRows
    }
    this.#changes.remove(task.file)
  }

  /** Deletes the rows that differ by their positions, and writes the source's rows to other files. */
  async #move(task: FileScanTask, matches: Matches): Promise<void> {
    const appender = await this.#changes.writer()
    const positions = new PositionSet()
    let first = 0
    for await (const batch of this.#rows(task, [...this.#columns, positionColumn.name, ...this.#lineage])) {
      const change = this.#changeOf(batch, matches, first)
      first += batch.numRows
      if (change.count === 0) continue
      const at = positionsOf(batch)
      for (const row of change.rows) positions.add(at.value(row))
      const ids = columnNamed(takeRows(batch, change.rows), rowIdColumn.name)
      const rows = takeRows(this.#source.batch, change.sourceRows)
      await appender.write(
        ids === undefined ? rows : batchOfColumns([...columnsNamed(rows, this.#columns), ids], change.count),
      )
    }
    this.#changes.deleteRows(task, positions)
  }

  /** Which rows of a batch differ from the source's; `first` is the place of its first row in the file. */
  #changeOf(batch: RecordBatch, matches: Matches, first: number): Change {
    const differs = this.#source.differences(batchOfColumns(columnsNamed(batch, this.#columns), batch.numRows))
    const rows = new Uint32Array(batch.numRows)
    const sourceRows = new Uint32Array(batch.numRows)
    let count = 0
    for (const { row, sourceRow } of matches.within(first, batch.numRows)) {
      if (differs(row, sourceRow)) {
        rows[count] = row
        sourceRows[count++] = sourceRow
      } else this.#unchanged++
    }
    this.#updated += count
    return { count, rows: rows.subarray(0, count), sourceRows: sourceRows.subarray(0, count) }
  }

  #replaced(batch: RecordBatch, change: Change): RecordBatch {
    const own = batchOfColumns(columnsNamed(batch, this.#columns), batch.numRows)
    const both = concatBatches([own, takeRows(this.#source.batch, change.sourceRows)])
    const order = Uint32Array.from({ length: batch.numRows }, (_, row) => row)
    const changed = new Uint8Array(batch.numRows)
    for (const [index, row] of change.rows.entries()) {
      order[row] = batch.numRows + index
      changed[row] = 1
    }
    const columns = [...columnsNamed(takeRows(both, order), this.#columns), ...columnsNamed(batch, this.#lineage)]
    return withChangedLineage(batchOfColumns(columns, batch.numRows), changed)
  }

  #rows(task: FileScanTask, columns: readonly string[]): AsyncGenerator<RecordBatch, void, undefined> {
    return fileRows(this.#table, [task], { columns, signal: this.#options.signal })
  }
}

/** Rows of a batch that differ from those of the source with their keys. */
interface Change {
  readonly count: number
  readonly rows: Uint32Array
  readonly sourceRows: Uint32Array
}

/** The fields that identify a row. */
function keyFields(table: TableHandle, schema: Schema, names: readonly string[] | undefined): readonly NestedField[] {
  const name = formatIdentifier(table.identifier)
  if ((names ?? schema.identifierFieldIds).length === 0) {
    throw new IcebergIoError('invalid-argument', `table ${name} declares no identifier fields, and no keys are given`, {
      context: { table: name },
      hint: 'Name the columns that identify a row in keys, or declare identifier fields.',
    })
  }
  const fields =
    names === undefined
      ? schema.identifierFieldIds.map((id) => [findFieldById(schema, id)?.name ?? String(id), id] as const)
      : names.map((key) => [key, schema.fields.find((field) => field.name === key)?.id ?? -1] as const)
  return fields.map(([key, id]) => {
    const field = schema.fields.find((candidate) => candidate.id === id)
    if (field === undefined) throw notAKey(name, key, 'is no top-level column')
    if (!isPrimitive(field.type) || unordered.has(typeof field.type === 'string' ? field.type : field.type.kind)) {
      throw notAKey(name, key, 'is of a type that identifies no row')
    }
    return field
  })
}

/** @see https://iceberg.apache.org/spec/#identifier-field-ids */
const unordered: ReadonlySet<string> = new Set(['float', 'double', 'unknown', 'variant', 'geometry', 'geography'])

function notAKey(table: string, column: string, why: string): IcebergIoError {
  return new IcebergIoError('invalid-argument', `key column ${column} of table ${table} ${why}`, {
    context: { table, column },
    hint: 'Use top-level columns of integers, text, dates, times, decimals, uuids, booleans or bytes.',
  })
}

/** New rows may repeat the keys of others that came meanwhile: only the head that was read will do. */
function sameHead(table: TableHandle, options: UpsertOptions): NonNullable<SnapshotCommit['precondition']> {
  const read = currentSnapshot(table.loaded.metadata)?.snapshotId
  return (head) => {
    const moved = options.isolation !== 'snapshot' && currentSnapshot(head)?.snapshotId !== read
    return moved ? 'the table has changed since its keys were looked up' : options.precondition?.(head)
  }
}
