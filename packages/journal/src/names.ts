/** The one order: strictly increasing over the whole journal, from 1 and without gaps. */
export const SYNC_SEQ = '_sync_seq'
/** What became of the row: a {@link SyncOp}. */
export const SYNC_OP = '_sync_op'
/** When the change was read. */
export const SYNC_AT = '_sync_at'
/** The source's own position of the row, for people. */
export const SYNC_VERSION = '_sync_version'
/** The batch that brought the row. */
export const SYNC_BATCH = '_sync_batch'

/** The bookkeeping columns in their order in the table, where they come first. */
export const bookkeepingColumns: readonly string[] = [SYNC_SEQ, SYNC_OP, SYNC_AT, SYNC_VERSION, SYNC_BATCH]

/** Columns of the source may not begin with this, in any case. */
export const reservedPrefix = '_sync_'

/** `upsert` is written by a strategy that cannot tell an insert from an update. */
export type SyncOp = 'insert' | 'update' | 'upsert' | 'delete'

export const syncOps: readonly SyncOp[] = ['insert', 'update', 'upsert', 'delete']

/** `load`: rows of a first load or a reload. `increment`: what changed. `heartbeat`: no rows, the watermark only. */
export type BatchMode = 'load' | 'increment' | 'heartbeat'

/** Table properties of a journal. Most values are JSON. */
export const journalProperty = {
  /** Version of the layout, a decimal number. */
  version: 'icebridge.journal-version',
  /** Where the extract leg stands; set by every commit of it. */
  position: 'icebridge.position',
  /** The exact SQL Server definition of each column, by field id. */
  columns: 'icebridge.columns',
  /** The source table's keys. */
  key: 'icebridge.key',
  /** The source table's name and what else is known of it. */
  table: 'icebridge.table',
  /** The source's name in the configuration, and the namespace before it was encoded. */
  layout: 'icebridge.layout',
  /** Ranges of `_sync_seq` that a rollback took out of the history. */
  rollbacks: 'icebridge.rollbacks',
  /** The newest completed load: its id, the range of its `_sync_seq` and its last commit. */
  load: 'icebridge.load',
  /** `true` from a change of columns that rows in the journal lack values of, then the id of the load that brings them, then `false`. */
  reloadDue: 'icebridge.reload-due',
} as const

/** Keys in the summary of each snapshot that icebridge commits to a journal. */
export const journalSummary = {
  batchId: 'icebridge.batch-id',
  mode: 'icebridge.mode',
  strategy: 'icebridge.strategy',
  /** Absent while the first load is not complete. */
  watermark: 'icebridge.watermark',
  /** Highest `_sync_seq` after the commit. */
  sequence: 'icebridge.sequence',
  /** `from-to`, both inclusive; absent for a commit without rows. */
  seqRange: 'icebridge.seq-range',
  loadId: 'icebridge.load-id',
  loadHandover: 'icebridge.load-handover',
  /** The `_sync_seq` of the load's first row. */
  loadFrom: 'icebridge.load-from',
  /** `n/m`: chunk n of m, from 1; `n/?` while their number is not known. */
  loadChunk: 'icebridge.load-chunk',
  /** Where the next chunk begins, in the words of whoever reads the source. */
  loadCursor: 'icebridge.load-cursor',
} as const

/** The layout that this package writes; a journal of a newer one is refused. */
export const journalVersion = 1
