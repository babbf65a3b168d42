import { columnView } from '@icebridge/columnar'
import type { ChangelogScanTask } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import type { KeyTable } from '../delete/key-table.ts'
import { RowKeys } from '../delete/row-keys.ts'
import { SpillingKeyTable } from '../delete/spilling-key-table.ts'
import type { SpillFile } from '../delete/spill-file.ts'
import { taskRows, type TaskRowsContext } from '../read/task-rows.ts'
import type { WantedColumn } from '../read/wanted-columns.ts'

/** What happened to a row. An update is a row before it and a row after it with the same key. */
export type ChangeType = 'INSERT' | 'DELETE' | 'UPDATE_BEFORE' | 'UPDATE_AFTER'

/** Rows of a task, each with what happened to it; nothing happened to those without a type. */
export interface ChangedRows {
  readonly task: ChangelogScanTask
  readonly batch: RecordBatch
  readonly types: readonly (ChangeType | undefined)[] | ChangeType
}

export interface ChangeSourceOptions {
  readonly context: Omit<TaskRowsContext, 'columns'>
  /** What the caller wants of each row. They come first in every batch. */
  readonly wanted: readonly WantedColumn[]
  /** All columns of the table, and those that are its key. */
  readonly all: readonly WantedColumn[]
  readonly keys: readonly WantedColumn[]
  readonly spill: SpillFile
  /** Bytes at which a table of rows goes to the temporary file. */
  readonly memoryBytes: number
}

/** Reads the rows of changed files, as often as it takes to tell what happened to them, and compares them. */
export class ChangeSource {
  readonly hasKeys: boolean
  readonly #options: ChangeSourceOptions
  /** What whole rows are read as: the columns wanted, then all others of the table. */
  readonly #whole: readonly WantedColumn[]
  readonly #all: readonly WantedColumn[]
  readonly #wholeKeys: readonly WantedColumn[]
  readonly #tables: SpillingKeyTable[] = []

  constructor(options: ChangeSourceOptions) {
    this.#options = options
    this.hasKeys = options.keys.length > 0
    const { wanted } = options
    // A column of which only a part is wanted is there twice, under two names.
    const all = options.all.map(({ field, isMetadata }): WantedColumn => {
      const isPart = wanted.some((column) => column.field.id === field.id && column.field !== field)
      return { field: isPart ? { ...field, name: `${field.name} (whole)` } : field, isMetadata }
    })
    this.#all = all
    this.#wholeKeys = options.keys.flatMap(({ field }) => all.filter((column) => column.field.id === field.id))
    this.#whole = [...wanted, ...all.filter(({ field }) => !wanted.some((column) => column.field === field))]
  }

  /** Rows with the columns wanted. */
  async *wanted(task: ChangelogScanTask): AsyncGenerator<RecordBatch, void, undefined> {
    yield* this.#read(task, this.#options.wanted)
  }

  /** Rows with the columns wanted first, and all others of the table. */
  async *whole(task: ChangelogScanTask): AsyncGenerator<RecordBatch, void, undefined> {
    yield* this.#read(task, this.#whole)
  }

  /** Rows with the columns of the key only. */
  async *keysOnly(task: ChangelogScanTask): AsyncGenerator<RecordBatch, void, undefined> {
    yield* this.#read(task, this.#options.keys)
  }

  /** All of a whole row, for comparing. What metadata says of it does not count. */
  rowsOf(batch: RecordBatch): RowKeys {
    return this.#keys(batch, this.#all, this.#whole)
  }

  /** The key of a whole row. */
  keysOf(batch: RecordBatch): RowKeys {
    return this.#keys(batch, this.#wholeKeys, this.#whole)
  }

  /** The key of a row that was read without anything else. */
  keysOfKeys(batch: RecordBatch): RowKeys {
    return this.#keys(batch, this.#options.keys, this.#options.keys)
  }

  /** A table of rows with `width` numbers each, which are added up unless `merge` says otherwise. */
  table(
    width: number,
    merge: (table: KeyTable, entry: number, values: readonly number[]) => void = sum,
  ): SpillingKeyTable {
    const { spill, memoryBytes } = this.#options
    const table = new SpillingKeyTable({ width, spill, memoryBytes, merge })
    this.#tables.push(table)
    return table
  }

  async *#read(
    task: ChangelogScanTask,
    columns: readonly WantedColumn[],
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const { context } = this.#options
    context.signal?.throwIfAborted()
    // Each batch goes through all that is spilled: a row group at a time then.
    const batchRows = this.#tables.some(({ hasSpilled }) => hasSpilled) ? Number.MAX_SAFE_INTEGER : context.batchRows
    yield* taskRows(task, { ...context, columns, batchRows })
  }

  #keys(batch: RecordBatch, columns: readonly WantedColumn[], read: readonly WantedColumn[]): RowKeys {
    return new RowKeys(
      columns.map(({ field }) => ({
        view: columnView(
          batch,
          read.findIndex((column) => column.field === field),
        ),
      })),
    )
  }
}

/** The number at a place of an entry. */
export function valueAt(table: KeyTable, entry: number, index: number): number {
  return entry < 0 ? 0 : (table.values[entry * table.width + index] ?? 0)
}

export function addAt(table: KeyTable, entry: number, index: number, amount: number): void {
  const at = entry * table.width + index
  table.values[at] = (table.values[at] ?? 0) + amount
}

function sum(table: KeyTable, entry: number, values: readonly number[]): void {
  values.forEach((value, index) => addAt(table, entry, index, value))
}
