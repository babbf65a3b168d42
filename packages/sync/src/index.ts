export { IncrementalSyncCoordinator } from './coordinator.ts'
export type { CoordinatorOptions } from './coordinator.ts'
export { SyncError } from './errors.ts'
export type { SyncErrorCode, SyncProblem } from './errors.ts'
export type { Logger } from './logger.ts'
export { positionKey, tableKey } from './names.ts'
export type { ColumnVerdict, TablePlan } from './plan.ts'
export type { LoadOptions } from './read/load-options.ts'
export type {
  ApplyResult,
  ExtractResult,
  FirstLoadWay,
  LoadReport,
  ReadReport,
  SyncResult,
  TableStatus,
} from './results.ts'
export type { Lake, SyncOptions, SyncProgress, TableSync } from './table-sync.ts'
export { verifyTables } from './verify/verify.ts'
export type { VerifyResult, VerifySide } from './verify/verify.ts'
