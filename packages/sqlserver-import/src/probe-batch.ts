import { bigintLiteral, milliseconds } from './applied-position.ts'
import { mergeStatements, mergeVariables } from './merge-statements.ts'
import type { MergeContext, MergeStrategy } from './merge-strategy.ts'

/** Sequence numbers, both ends inclusive. */
export interface SequenceRange {
  readonly from: bigint
  readonly to: bigint
}

export interface Probe {
  readonly context: MergeContext
  readonly strategy: MergeStrategy
  readonly lockTimeoutMs: number
  /** The only rows of interest from now on: all others leave the stage for good. */
  readonly among: SequenceRange
  /** The rows that are merged. */
  readonly rows: SequenceRange
}

/** Pure: merges some rows of a stage as a unit would, and rolls that back. It raises the error that the rows bring about. */
export function probeBatch({ context, strategy, lockTimeoutMs, among, rows }: Probe): string {
  return [
    'SET NOCOUNT ON;',
    'SET XACT_ABORT ON;',
    `SET LOCK_TIMEOUT ${milliseconds(lockTimeoutMs)};`,
    'SET TRANSACTION ISOLATION LEVEL READ COMMITTED;',
    `DECLARE ${mergeVariables};`,
    keepOnly(context, among),
    'BEGIN TRANSACTION;',
    keepOnly(context, rows),
    ...mergeStatements(context, strategy),
    'ROLLBACK TRANSACTION;',
  ].join('\n')
}

function keepOnly({ stage }: MergeContext, { from, to }: SequenceRange): string {
  return `DELETE FROM ${stage} WHERE [seq] < ${bigintLiteral(from)} OR [seq] > ${bigintLiteral(to)};`
}
