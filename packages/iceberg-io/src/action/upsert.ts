import { concatBatches, takeRows } from '@icebridge/columnar'
import {
  append,
  currentSchema,
  currentSnapshot,
  type DataFile,
  type Environment,
  type FileScanTask,
  findFieldById,
  formatIdentifier,
  isPrimitive,
  type NestedField,
  overwrite,
  planScan,
  type Schema,
  type SnapshotCommit,
  type SnapshotOptions,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import { IcebergAppender } from '../write/iceberg-appender.ts'
import { type ActionOutcome, actionOutcome } from './action-outcome.ts'
import { batchOfColumns, columnNamed } from './columns.ts'
import { fileRows, lineageColumns, withChangedLineage } from './file-rows.ts'
import { KeyRanges } from './key-ranges.ts'
import { Matches } from './matches.ts'
import { SourceRows } from './source-rows.ts'

/** Bytes of input that are held, unless the caller says otherwise. */
const DEFAULT_INPUT_BYTES = 1024 * 1024 * 1024
const ROWS_A_BATCH = 16_384

export interface UpsertOptions extends Pick<SnapshotCommit, 'summary' | 'snapshotId' | 'setProperties'> {
  readonly environment: Environment
  /** Names of the columns that identify a row; the schema's identifier fields when absent. */
  readonly keys?: readonly string[] | undefined
  /** Input rows with the same key are an error (`refuse`, the default), or the last one counts. */
  readonly duplicates?: 'refuse' | 'last' | undefined
  /** Bytes of input rows at most, 1 GiB by default: they are held in memory. */
  readonly inputBytes?: number | undefined
  /** Size at which a new data file ends; see {@link IcebergAppender}. */
  readonly targetFileSizeBytes?: number | undefined
  readonly retries?: SnapshotOptions['retries']
  readonly signal?: AbortSignal | undefined
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
 * Puts rows into a table by their key, copy-on-write: a row whose key is in the table replaces the row there, any other is
 * added, in one snapshot. Batches have all columns of the table, in any order; keys without null.
 *
 * Only files with a row that differs in some byte are written anew; a row that is carried along keeps its lineage (format
 * version 3), one that is replaced keeps its `_row_id`. When the table has a key more than once, each of its rows is replaced.
 * Memory is bounded by the input, its keys, and a row group.
 *
 * A conflict is whatever touches the same files, and new rows within the range of the keys, since the table was loaded.
 *
 * @throws IcebergIoError `invalid-argument` without usable keys, `schema-mismatch`, `duplicate-keys`, `too-large`; as
 * {@link overwrite} and the store do. What was written is deleted then.
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
  const run = new UpsertRun(table, source, options)
  try {
    for await (const task of planScan(table, { filter: ranges.filter, signal })) {
      if (ranges.mightHold(task.file)) await run.file(task)
    }
    const files = await run.finish()
    const { counts, removed } = run
    if (files.length === 0 && removed.length === 0) return { status: 'unchanged', table, counts }
    const commit = { summary: options.summary, snapshotId: options.snapshotId, setProperties: options.setProperties }
    const outcome =
      removed.length === 0
        ? await append(table, { ...commit, files, precondition: sameHead(table) }, options)
        : await overwrite(
            table,
            { ...commit, add: files, remove: removed, validation: { filter: ranges.filter } },
            options,
          )
    return await actionOutcome(outcome, { table, files, counts })
  } catch (error) {
    await run.abort()
    throw error
  }
}

/** One upsert from the first file that is looked at to the files that are to be committed. */
class UpsertRun {
  readonly removed: DataFile[] = []
  readonly #table: TableHandle
  readonly #schema: Schema
  readonly #source: SourceRows
  readonly #options: UpsertOptions
  /** 1 for the source rows whose key is in the table. */
  readonly #matched: Uint8Array
  #appender: IcebergAppender | undefined
  #updated = 0
  #unchanged = 0
  #inserted = 0
  #filesAdded = 0

  constructor(table: TableHandle, source: SourceRows, options: UpsertOptions) {
    this.#table = table
    this.#schema = currentSchema(table.loaded.metadata)
    this.#source = source
    this.#options = options
    this.#matched = new Uint8Array(source.batch.numRows)
  }

  get counts(): UpsertCounts {
    return {
      inserted: this.#inserted,
      updated: this.#updated,
      unchanged: this.#unchanged,
      filesAdded: this.#filesAdded,
      filesRemoved: this.removed.length,
    }
  }

  /** Looks for the keys in a file, and writes it anew when a row with one of them differs. */
  async file(task: FileScanTask): Promise<void> {
    const matches = await this.#find(task)
    if (matches.count === 0) return
    if (await this.#differs(task, matches)) await this.#rewrite(task, matches)
    else this.#unchanged += matches.count
  }

  /** Adds the rows whose key is not in the table, and ends the files. */
  async finish(): Promise<readonly DataFile[]> {
    const { batch } = this.#source
    const rows = new Uint32Array(batch.numRows)
    let count = 0
    for (let row = 0; row < batch.numRows; row++) if (this.#matched[row] === 0) rows[count++] = row
    for (let start = 0; start < count; start += ROWS_A_BATCH) {
      const end = Math.min(count, start + ROWS_A_BATCH)
      await (await this.#writer()).write(takeRows(batch, rows.subarray(start, end)))
    }
    this.#inserted = count
    const files = (await this.#appender?.finish()) ?? []
    this.#filesAdded = files.length
    return files
  }

  async abort(): Promise<void> {
    await this.#appender?.abort()
  }

  /** Looks up the key of every row of the file. */
  async #find(task: FileScanTask): Promise<Matches> {
    const matches = new Matches(Number(task.file.recordCount))
    for await (const batch of this.#rows(task, this.#source.keys)) matches.add(this.#source.find(batch))
    matches.mark(this.#matched)
    return matches
  }

  async #differs(task: FileScanTask, matches: Matches): Promise<boolean> {
    let first = 0
    for await (const batch of this.#rows(task, this.#columns)) {
      const differs = this.#source.differences(batch)
      for (let row = 0; row < batch.numRows; row++) {
        const sourceRow = matches.sourceRow(first + row)
        if (sourceRow >= 0 && differs(row, sourceRow)) return true
      }
      first += batch.numRows
    }
    return false
  }

  async #rewrite(task: FileScanTask, matches: Matches): Promise<void> {
    const appender = await this.#writer()
    const lineage = lineageColumns(this.#table.loaded.metadata)
    let first = 0
    for await (const batch of this.#rows(task, [...this.#columns, ...lineage])) {
      const start = first
      await appender.write(this.#replaced(batch, (row) => matches.sourceRow(start + row)))
      first += batch.numRows
    }
    this.removed.push(task.file)
  }

  /** The batch with the source's rows in the place of those that differ from them. */
  #replaced(batch: RecordBatch, sourceRowOf: (row: number) => number): RecordBatch {
    const own = this.#columnsOf(batch)
    const differs = this.#source.differences(own)
    const changed = new Uint8Array(batch.numRows)
    const sourceRows = new Uint32Array(batch.numRows)
    let count = 0
    for (let row = 0; row < batch.numRows; row++) {
      const sourceRow = sourceRowOf(row)
      if (sourceRow < 0) continue
      if (differs(row, sourceRow)) {
        changed[row] = 1
        sourceRows[count++] = sourceRow
      } else this.#unchanged++
    }
    this.#updated += count
    if (count === 0) return batch
    const both = concatBatches([own, takeRows(this.#source.batch, sourceRows.subarray(0, count))])
    let next = batch.numRows
    const rows = Uint32Array.from(changed, (isChanged, row) => (isChanged === 1 ? next++ : row))
    const replaced = takeRows(both, rows)
    const lineage = lineageColumns(this.#table.loaded.metadata).flatMap((name) => columnNamed(batch, name) ?? [])
    const columns = this.#columns.flatMap((name) => columnNamed(replaced, name) ?? [])
    return withChangedLineage(batchOfColumns([...columns, ...lineage], batch.numRows), changed)
  }

  get #columns(): readonly string[] {
    return this.#schema.fields.map(({ name }) => name)
  }

  #columnsOf(batch: RecordBatch): RecordBatch {
    return batchOfColumns(
      this.#columns.flatMap((name) => columnNamed(batch, name) ?? []),
      batch.numRows,
    )
  }

  #rows(task: FileScanTask, columns: readonly string[]): AsyncGenerator<RecordBatch, void, undefined> {
    return fileRows(this.#table, task, { columns, signal: this.#options.signal })
  }

  async #writer(): Promise<IcebergAppender> {
    const { environment, targetFileSizeBytes, signal } = this.#options
    const rowLineage = lineageColumns(this.#table.loaded.metadata).length > 0
    this.#appender ??= await IcebergAppender.open(this.#table, { environment, targetFileSizeBytes, rowLineage, signal })
    return this.#appender
  }
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
function sameHead(table: TableHandle): NonNullable<SnapshotCommit['precondition']> {
  const read = currentSnapshot(table.loaded.metadata)?.snapshotId
  return (head) =>
    currentSnapshot(head)?.snapshotId === read ? undefined : 'the table has changed since its keys were looked up'
}
