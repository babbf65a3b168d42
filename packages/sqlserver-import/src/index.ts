export { appliedTable, lockResource, positionKey } from './applied-position.ts'
export { bytesDiffer, equalMeansSameBytes, stagedValue } from './byte-difference.ts'
export { createdDefinition, createTargetBatch } from './create-target.ts'
export type { CreateTargetOptions } from './create-target.ts'
export { ImportError } from './errors.ts'
export type { ImportErrorCode, ImportErrorDetails } from './errors.ts'
export type {
  ImportColumn,
  ImportNote,
  ImportNoteCode,
  ImportPlan,
  ImportPlanOptions,
  ImportProblem,
  ImportProblemCode,
} from './import-plan.ts'
export type { ImportResult, MergeResult, StraightReason, StraightResult } from './import-result.ts'
export { SqlServerImporter } from './importer.ts'
export type { ApplyOptions, ImportEnvironment, ImporterOptions } from './importer.ts'
export type { BulkSettings } from './bulk-settings.ts'
export type { Logger } from './logger.ts'
export { keysEqual, lockHints } from './merge-strategy.ts'
export type { MergeColumn, MergeContext, MergeStrategy } from './merge-strategy.ts'
export { planImport } from './plan-import.ts'
export { createStageBatch, mergeContext, stageColumns, stageTable } from './stage.ts'
export type { StageColumn } from './stage.ts'
export type { StagedNarrowing } from './staged-narrowing.ts'
export type { StagedVariant } from './staged-variant.ts'
export { closeStraightBatch, openStraightBatch } from './straight-batch.ts'
export type { StraightLoad } from './straight-batch.ts'
export type { StraightObstacle, StraightVerdict } from './straight-verdict.ts'
export type { PlannedColumn } from './target-shape.ts'
export type { Target, TargetConnection } from './target.ts'
export { UpdateInsertMergeStrategy } from './update-insert-merge.ts'
export { UpsertMergeStrategy } from './upsert-merge.ts'
export { unitBatch } from './unit-batch.ts'
export type { UnitBatch } from './unit-batch.ts'
