/** Where one table stands: a copy, for people and tools, of what the lake holds as the position of record. */
export interface WatermarkRecord {
  /** Key of the record, such as `erp.dbo.orders`. */
  readonly table: string
  /** Name of the change detection strategy that gives the watermark its meaning. */
  readonly strategy: string
  /** Position in the source up to which its changes are in the journal. Opaque here. */
  readonly watermark: string
  /** Journal snapshot that carries the watermark, as decimal text. */
  readonly snapshotId: string
  /** Highest `_sync_seq` of that snapshot, as decimal text. */
  readonly sequence: string
  /** When the record was written: ISO 8601, UTC. */
  readonly updatedAt: string
  readonly runId: string
}

export interface WatermarkOptions {
  /** Ends a wait for the store. An aborted call throws the signal's reason and changes nothing. */
  readonly signal?: AbortSignal
}

/**
 * Keeps one record a table.
 *
 * What an implementer owes: `write` returns only when the record is durable; a record is replaced whole, so that a reader sees
 * the old one or the new one; writers in several processes lose none of each other's records.
 */
export interface WatermarkStore {
  /** The table's record, or `undefined` when there is none. Table names are compared exactly. */
  read(table: string, options?: WatermarkOptions): Promise<WatermarkRecord | undefined>
  /** Sets the table's record. The last write wins; the store does not compare watermarks. */
  write(record: WatermarkRecord, options?: WatermarkOptions): Promise<void>
  /** All records, ordered by table name (code units). */
  list(options?: WatermarkOptions): Promise<readonly WatermarkRecord[]>
  /** Removes the table's record; an absent one is fine. */
  delete(table: string, options?: WatermarkOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
