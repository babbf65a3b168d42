import { columnView } from '@icebridge/columnar'
import type { DataFile, FileIO, FileScanTask, NestedField, Schema, TableMetadata } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { type MapPath, readDataRows } from '../read/data-rows.ts'
import { identityValues } from '../read/identity-values.ts'
import { DeleteFileSets } from './delete-file-sets.ts'
import { type EqualityColumn, equalityColumns, fieldsToRead, keyColumn, namesOf } from './equality-columns.ts'
import { RowKeys } from './row-keys.ts'
import type { SpillFile } from './spill-file.ts'
import { SpillingKeyTable } from './spilling-key-table.ts'

export interface EqualityDeletesOptions {
  readonly metadata: TableMetadata
  /** The schema that the data is read with. */
  readonly schema: Schema
  readonly spill: SpillFile
  /** Bytes of keys in memory at which they go to the temporary file. */
  readonly memoryBytes: number
  readonly mapPath?: MapPath | undefined
  readonly signal?: AbortSignal | undefined
}

/** The equality deletes of one set of columns that apply to one data file. */
export interface EqualityTest {
  readonly columns: readonly EqualityColumn[]
  /** True when the batches do well to be large. */
  readonly hasSpilled: boolean
  /** Sets `mask` to 1 for each row that is deleted; `fields` are those of the batch. Rows marked already are not looked at. */
  mark(batch: RecordBatch, fields: readonly NestedField[], mask: Uint8Array): Promise<void>
}

/** The keys of all delete files that compare by the same columns, each key with the files that have it. */
interface Group {
  readonly columns: readonly EqualityColumn[]
  readonly table: SpillingKeyTable
  readonly files: DeleteFileSets
}

/**
 * The equality deletes of a scan. Each delete file is read once, whatever data files it applies to; the keys in memory are
 * bounded.
 */
export class EqualityDeletes {
  readonly #io: FileIO
  readonly #options: EqualityDeletesOptions
  readonly #groups = new Map<string, Group>()

  constructor(io: FileIO, options: EqualityDeletesOptions) {
    this.#io = io
    this.#options = options
  }

  /** What the rows of a task's file must be tested with, for each set of columns. */
  async of(task: Pick<FileScanTask, 'deletes'>): Promise<readonly EqualityTest[]> {
    const applicable = new Map<Group, Set<number>>()
    for (const file of task.deletes) {
      if (file.content !== 'equality-deletes') continue
      this.#options.signal?.throwIfAborted()
      const group = this.#group(file)
      const ordinals = applicable.get(group) ?? new Set()
      ordinals.add(group.files.ordinalOf(file.filePath) ?? (await this.#load(file, group)))
      applicable.set(group, ordinals)
    }
    return [...applicable].map(([group, ordinals]) => testOf(group, ordinals))
  }

  #group(file: DataFile): Group {
    const columns = equalityColumns(file, this.#options)
    const byId = columns.toSorted((a, b) => (a.at(-1)?.id ?? 0) - (b.at(-1)?.id ?? 0))
    const name = byId.map((column) => column.at(-1)?.id).join()
    let group = this.#groups.get(name)
    if (group === undefined) {
      const files = new DeleteFileSets()
      const { spill, memoryBytes } = this.#options
      const table = new SpillingKeyTable({
        width: 1,
        spill,
        memoryBytes,
        merge: (part, entry, [set = 0]) => {
          part.values[entry] = files.union(part.values[entry] ?? 0, set)
        },
      })
      group = { columns: byId, table, files }
      this.#groups.set(name, group)
    }
    return group
  }

  async #load(file: DataFile, { columns, table, files }: Group): Promise<number> {
    const { metadata, mapPath, signal } = this.#options
    const fields = fieldsToRead(columns)
    const ordinal = files.add(file.filePath)
    const reads = readDataRows(this.#io, file, {
      fields,
      properties: namesOf(fields, metadata.properties),
      constants: identityValues(metadata, file),
      mapPath,
      signal,
    })
    for await (const { batch } of reads) {
      await table.add({ keys: keysOf(columns, batch, fields), rows: batch.numRows }, [files.only(ordinal)])
    }
    return ordinal
  }
}

function testOf({ columns, table, files }: Group, ordinals: ReadonlySet<number>): EqualityTest {
  const applies = files.intersects(ordinals)
  return {
    columns,
    hasSpilled: table.hasSpilled,
    mark: async (batch, fields, mask) => {
      const keys = keysOf(columns, batch, fields)
      await table.visit({ keys, rows: batch.numRows, skip: mask }, (row, part, entry) => {
        if (entry >= 0 && applies(part.values[entry] ?? 0)) mask[row] = 1
      })
    },
  }
}

function keysOf(columns: readonly EqualityColumn[], batch: RecordBatch, fields: readonly NestedField[]): RowKeys {
  return new RowKeys(
    columns.map((column) => {
      const index = fields.findIndex(({ id }) => id === column[0].id)
      const top = fields[index]
      if (top === undefined) throw new TypeError(`column ${column[0].name} is read`)
      return keyColumn(column, top, columnView(batch, index))
    }),
  )
}
