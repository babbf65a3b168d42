export type { AppliedPosition } from './applied-position.ts'
export { isJournalError, JournalError } from './errors.ts'
export type { JournalErrorCode, JournalErrorContext, PlanProblem } from './errors.ts'
export type { EvolutionChanges } from './evolution-plan.ts'
export type { Evolution, EvolveOptions } from './evolve.ts'
export { icebergTypeOf } from './iceberg-type.ts'
export type { TypeOptions } from './iceberg-type.ts'
export { JournalBatch } from './journal-batch.ts'
export type { BatchOptions, CommitOptions, JournalCommit, LoadChunk } from './batch-options.ts'
export type { CompletedLoad } from './completed-load.ts'
export type { JournalColumn } from './journal-column.ts'
export type { FirstLoad, JournalHead } from './journal-head.ts'
export type { JournalRead, JournalUnit, ReloadKeys, UnitOptions } from './journal-read.ts'
export { definitionOf, Journal } from './journal.ts'
export type { CreateJournal, JournalOptions, Lake } from './journal.ts'
export { checkLayout, defaultTemplate, encodeName, journalSuffix, layoutFor } from './layout.ts'
export type { JournalLayout, LayoutOptions } from './layout.ts'
export {
  bookkeepingColumns,
  journalProperty,
  journalSummary,
  SYNC_AT,
  SYNC_BATCH,
  SYNC_OP,
  SYNC_SEQ,
  SYNC_VERSION,
  syncOps,
} from './names.ts'
export type { BatchMode, SyncOp } from './names.ts'
export { planJournal } from './plan.ts'
export type { JournalColumnPlan, JournalPlan, PlanOptions } from './plan.ts'
export type { ReadOptions } from './read-from.ts'
