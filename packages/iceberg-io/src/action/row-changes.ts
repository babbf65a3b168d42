import {
  type DataFile,
  type Environment,
  type Expression,
  type FileScanTask,
  overwrite,
  rowDelta,
  type SnapshotCommit,
  type SnapshotOptions,
  type SnapshotOutcome,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { PositionSet } from '../delete/position-set.ts'
import { type VectorDeletes, writeDeletionVectors } from '../delete/write-deletion-vectors.ts'
import { writePositionDeletes } from '../delete/write-position-deletes.ts'
import { deleteDataFiles } from '../write/delete-data-files.ts'
import { IcebergAppender } from '../write/iceberg-appender.ts'
import { lineageColumns } from './file-rows.ts'

/**
 * How rows of files that stay are changed: `copy-on-write` writes the file anew without them, `merge-on-read` writes their
 * positions to delete files (deletion vectors in format version 3), which is quicker to write and slower to read.
 */
export type ChangeMode = 'copy-on-write' | 'merge-on-read'

/** What every action takes. */
export interface ActionOptions extends Pick<
  SnapshotCommit,
  'summary' | 'snapshotId' | 'setProperties' | 'properties' | 'precondition'
> {
  readonly environment: Environment
  /** Size at which a new data file ends; see {@link IcebergAppender}. */
  readonly targetFileSizeBytes?: number | undefined
  /** `serializable` (the default): new rows that the action would have changed are a conflict. `snapshot`: they are not. */
  readonly isolation?: 'serializable' | 'snapshot' | undefined
  readonly retries?: SnapshotOptions['retries']
  readonly signal?: AbortSignal | undefined
}

/** The files of one change of rows, from the first that is written to the commit. */
export class RowChanges {
  readonly #table: TableHandle
  readonly #options: ActionOptions & { readonly sort?: boolean | undefined }
  readonly #removed: DataFile[] = []
  readonly #deletes: VectorDeletes[] = []
  #appender: IcebergAppender | undefined
  #added: readonly DataFile[] = []
  #addedDeletes: readonly DataFile[] = []
  #removedDeletes: readonly DataFile[] = []

  constructor(table: TableHandle, options: ActionOptions & { readonly sort?: boolean | undefined }) {
    this.#table = table
    this.#options = options
  }

  /** Data files whose place the new ones take. */
  get removed(): readonly DataFile[] {
    return this.#removed
  }

  /** Data files written, after {@link finish}. */
  get added(): readonly DataFile[] {
    return this.#added
  }

  get isEmpty(): boolean {
    return this.#removed.length + this.#added.length + this.#addedDeletes.length === 0
  }

  /** Everything written, to be deleted when it is not committed. */
  get written(): readonly DataFile[] {
    return [...this.#added, ...this.#addedDeletes]
  }

  /** Where new rows go; those of other files with their lineage. */
  async writer(): Promise<IcebergAppender> {
    const { environment, targetFileSizeBytes, sort, signal } = this.#options
    const rowLineage = lineageColumns(this.#table.loaded.metadata).length > 0
    this.#appender ??= await IcebergAppender.open(this.#table, {
      environment,
      targetFileSizeBytes,
      sort,
      rowLineage,
      signal,
    })
    return this.#appender
  }

  /** The file goes as a whole. */
  remove(file: DataFile): void {
    this.#removed.push(file)
  }

  /** Rows go by their positions, and the file stays. */
  deleteRows(task: FileScanTask, positions: PositionSet): void {
    const previous = task.deletes.filter(({ content }) => content === 'position-deletes')
    this.#deletes.push({ file: task.file, positions, previous })
  }

  /** Ends the data files and writes the deletes. */
  async finish(): Promise<void> {
    this.#added = (await this.#appender?.finish()) ?? []
    if (this.#deletes.length === 0) return
    if (this.#table.loaded.metadata.formatVersion >= 3) {
      const { addDeletes, removeDeletes } = await writeDeletionVectors(this.#table, this.#deletes, this.#options)
      this.#addedDeletes = addDeletes
      this.#removedDeletes = removeDeletes
    } else {
      this.#addedDeletes = await writePositionDeletes(this.#table, this.#deletes, this.#options)
    }
  }

  /** Commits what was written; `filter` is what every row passes that was looked for. */
  async commit(filter: Expression): Promise<SnapshotOutcome> {
    const { summary, snapshotId, setProperties, properties, precondition, isolation } = this.#options
    const common = { summary, snapshotId, setProperties, properties, precondition, validation: { filter, isolation } }
    const files = { add: this.#added, remove: this.#removed }
    if (this.#addedDeletes.length === 0) return await overwrite(this.#table, { ...common, ...files }, this.#options)
    return await rowDelta(
      this.#table,
      {
        ...common,
        ...files,
        addDeletes: this.#addedDeletes,
        removeDeletes: this.#removedDeletes,
        // A position delete file of a partition does not say which data files it is for.
        referencedDataFiles: this.#deletes.map(({ file }) => file),
      },
      this.#options,
    )
  }

  /** Deletes everything written. */
  async abort(): Promise<void> {
    await this.#appender?.abort()
    await deleteDataFiles(this.#table.io, this.#addedDeletes)
  }
}
