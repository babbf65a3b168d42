/** How far a first load, or a reload, has come. Its chunks are committed in order. */
export interface FirstLoad {
  readonly loadId: string
  /** The watermark taken before any row was read; increments begin there once the load is complete. */
  readonly handover: string
  /** The chunk committed last, from 1: the chunks 1 to this one are in the journal. */
  readonly chunk: number
  /** Undefined until the last chunk is committed, when their number was not known from the start. */
  readonly chunks: number | undefined
  /** Where the next chunk begins, as whoever reads the source wrote it down. */
  readonly cursor?: string | undefined
  readonly complete: boolean
  /** The `_sync_seq` of its first row; undefined for a load that was begun before this was recorded. */
  readonly from: bigint | undefined
}

/** Where the extract leg of a journal stands: what the next batch is built on. */
export interface JournalHead {
  readonly tableUuid: string
  /** The changes of the source below it are in the journal. Undefined before the first load is complete. */
  readonly watermark: string | undefined
  /** The strategy that the watermark belongs to. */
  readonly strategy: string | undefined
  /** Highest `_sync_seq`, 0 for an empty journal. */
  readonly sequence: bigint
  /** The table's current snapshot, whoever made it; undefined for a table that was never written. */
  readonly snapshotId: bigint | undefined
  /** The commit of icebridge that the above stands in; it may be expired. */
  readonly carriedBy: bigint | undefined
  readonly lastCommitAtMs: number | undefined
  readonly firstLoad: FirstLoad | undefined
  /** The newest commit of icebridge that a rollback took out of the history, as long as nothing was committed since. */
  readonly rolledBackFrom: bigint | undefined
}
