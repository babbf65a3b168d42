import { quoteString } from '@icebridge/sqlserver'
import type { AppliedPosition } from '@icebridge/journal'
import {
  beginAtPosition,
  bigintLiteral,
  positionVariables,
  raised,
  sessionSettings,
  uuidLiteral,
  writePosition,
} from './applied-position.ts'
import { removeAbsent } from './keep.ts'
import { mergeStatements, mergeVariables } from './merge-statements.ts'
import type { MergeContext, MergeStrategy } from './merge-strategy.ts'
import { keepNewestVersions } from './newest-versions.ts'
import { refuseOtherShape } from './target-shape.ts'
import type { PlannedColumn } from './target-shape.ts'

export interface UnitBatch {
  readonly tableKey: string
  /** The position that the unit was cut from. */
  readonly from: AppliedPosition | undefined
  /** The position after the unit. */
  readonly to: AppliedPosition
  /** The target, quoted, in two parts. */
  readonly target: string
  readonly lakeLocation: string
  readonly runId: string
  readonly atMs: number
  readonly lockTimeoutMs: number
  /** On the unit that ends a reload: its keys are staged, and every other row of the target goes. */
  readonly removes?: MergeContext
  /** Absent for a unit without rows, which only moves the position. */
  readonly merge?: {
    readonly strategy: MergeStrategy
    readonly context: MergeContext
    /** Whether the stage was seen to hold strictly ascending sequence numbers; else the batch checks that none is repeated. */
    readonly ascending: boolean
    /** The target's columns that it writes, which must still be what they are here. */
    readonly columns: readonly PlannedColumn[]
  }
}

/**
 * The one T-SQL batch that applies a staged unit: lock, look at the position, merge, write the position, commit.
 *
 * It answers with one row `status, table_uuid, snapshot_id, sequence, keys, inserted, updated, deleted, removed`, where status is
 * `applied`, `alreadyApplied` or `conflict`. It raises an error only after everything it did is rolled back (XACT_ABORT).
 * Superseded versions leave the stage before the transaction begins, so no lock on the target waits for that sort.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
 */
export function unitBatch(unit: UnitBatch): string {
  return [
    ...sessionSettings(unit.lockTimeoutMs),
    `DECLARE ${positionVariables};`,
    `DECLARE @keys bigint = 0, ${mergeVariables}, @removed bigint = 0;`,
    ...newestVersions(unit),
    ...beginAtPosition(unit.tableKey, unit.lockTimeoutMs),
    `IF ${standsAt(unit.from)}`,
    'BEGIN',
    ...targetIsTheSame(unit),
    // Before the merge, so that values of a unique index are free before its rows take them.
    ...(unit.removes === undefined ? [] : [removeAbsent(unit.removes)]),
    ...mergeAndLook(unit),
    writePosition({ ...unit, position: unit.to }, unit.from === undefined ? 'insert' : 'update'),
    'COMMIT TRANSACTION;',
    `SELECT N'applied' AS [status], ${uuidLiteral(unit.to.tableUuid)} AS [table_uuid], ${bigintLiteral(unit.to.snapshotId)} AS [snapshot_id], ${bigintLiteral(unit.to.sequence)} AS [sequence],`,
    '  @keys AS [keys], @inserted - @replaced AS [inserted], @updated + @replaced AS [updated], @deleted AS [deleted], @removed AS [removed];',
    'END',
    'ELSE',
    'BEGIN',
    'ROLLBACK TRANSACTION;',
    `SELECT CASE WHEN @table_uuid = ${uuidLiteral(unit.to.tableUuid)} AND @sequence >= ${bigintLiteral(unit.to.sequence)} THEN N'alreadyApplied' ELSE N'conflict' END AS [status],`,
    '  @table_uuid AS [table_uuid], @snapshot_id AS [snapshot_id], @sequence AS [sequence],',
    '  @keys AS [keys], @inserted AS [inserted], @updated AS [updated], @deleted AS [deleted], @removed AS [removed];',
    'END;',
    'SET LOCK_TIMEOUT -1;',
    'SET XACT_ABORT OFF;',
  ].join('\n')
}

function newestVersions({ merge }: UnitBatch): readonly string[] {
  if (merge === undefined) return []
  return [...keepNewestVersions(merge.context, merge), `SELECT @keys = COUNT_BIG(*) FROM ${merge.context.stage};`]
}

function standsAt(position: AppliedPosition | undefined): string {
  if (position === undefined) return '@table_uuid IS NULL'
  return [
    `@table_uuid = ${uuidLiteral(position.tableUuid)}`,
    `@snapshot_id = ${bigintLiteral(position.snapshotId)}`,
    `@sequence = ${bigintLiteral(position.sequence)}`,
  ].join(' AND ')
}

/** A table that was dropped and made again has another object id: going on from the old position would leave rows out. */
function targetIsTheSame(unit: UnitBatch): readonly string[] {
  if (unit.from === undefined) return []
  return [
    `IF @target_object_id <> OBJECT_ID(${quoteString(unit.target)}) OR OBJECT_ID(${quoteString(unit.target)}) IS NULL`,
    `  THROW ${raised.targetReplaced}, N'icebridge: the target is not the table that the position was written for', 1;`,
  ]
}

function mergeAndLook({ merge, target }: UnitBatch): readonly string[] {
  if (merge === undefined) return []
  return [...mergeStatements(merge.context, merge.strategy), refuseOtherShape(target, merge.columns)]
}
