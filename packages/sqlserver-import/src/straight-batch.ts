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
import { refuseOtherShape } from './target-shape.ts'
import type { PlannedColumn } from './target-shape.ts'

/** A first load on its way straight into the target. */
export interface StraightLoad {
  readonly tableKey: string
  /** The position after the load. */
  readonly to: AppliedPosition
  /** The target, quoted, in two parts. */
  readonly target: string
  readonly lakeLocation: string
  readonly runId: string
  readonly atMs: number
  readonly lockTimeoutMs: number
  /** What the target must hold when the load is done. */
  readonly rows: number
  /** The target's columns that it writes, which must still be what they are here. */
  readonly columns: readonly PlannedColumn[]
}

/**
 * Opens the transaction of a straight load: lock, no position, and the target proved empty under a lock that nobody else gets past
 * before the transaction ends.
 *
 * It answers with one row `status, table_uuid, snapshot_id, sequence`, where status is `empty` and the transaction is open, or
 * `occupied`, `alreadyApplied` or `conflict` and it is rolled back. XACT_ABORT and the lock time-out stay on for what follows.
 *
 * @see https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
 */
export function openStraightBatch(load: StraightLoad): string {
  return [
    ...sessionSettings(load.lockTimeoutMs),
    `DECLARE ${positionVariables}, @occupied int = 0;`,
    ...beginAtPosition(load.tableKey, load.lockTimeoutMs),
    'IF @table_uuid IS NULL',
    'BEGIN',
    `SELECT TOP (1) @occupied = 1 FROM ${load.target} WITH (TABLOCKX, HOLDLOCK);`,
    refuseOtherShape(load.target, load.columns),
    'IF @occupied = 1 ROLLBACK TRANSACTION;',
    "SELECT CASE @occupied WHEN 1 THEN N'occupied' ELSE N'empty' END AS [status],",
    '  @table_uuid AS [table_uuid], @snapshot_id AS [snapshot_id], @sequence AS [sequence];',
    'END',
    'ELSE',
    'BEGIN',
    'ROLLBACK TRANSACTION;',
    `SELECT CASE WHEN @table_uuid = ${uuidLiteral(load.to.tableUuid)} AND @sequence >= ${bigintLiteral(load.to.sequence)} THEN N'alreadyApplied' ELSE N'conflict' END AS [status],`,
    '  @table_uuid AS [table_uuid], @snapshot_id AS [snapshot_id], @sequence AS [sequence];',
    'END;',
  ].join('\n')
}

/**
 * Ends it: as many rows as were promised, the position, commit. It answers with one row `status, rows`, where status is `applied`, or
 * `short` and the transaction is rolled back: an index with IGNORE_DUP_KEY drops rows without an error.
 */
export function closeStraightBatch(load: StraightLoad): string {
  return [
    'SET NOCOUNT ON;',
    'DECLARE @rows bigint;',
    `IF @@TRANCOUNT <> 1 THROW ${raised.transactionGone}, N'icebridge: the transaction of the load is gone', 1;`,
    `SELECT @rows = COUNT_BIG(*) FROM ${load.target};`,
    `IF @rows = ${load.rows}`,
    'BEGIN',
    writePosition({ ...load, position: load.to }, 'insert'),
    'COMMIT TRANSACTION;',
    "SELECT N'applied' AS [status], @rows AS [rows];",
    'END',
    'ELSE',
    'BEGIN',
    'ROLLBACK TRANSACTION;',
    "SELECT N'short' AS [status], @rows AS [rows];",
    'END;',
  ].join('\n')
}
