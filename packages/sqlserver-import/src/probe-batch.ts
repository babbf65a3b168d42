import { bigintLiteral, sessionSettings } from './applied-position.ts'
import { removeAbsent } from './keep.ts'
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
  /** Whether the unit ends a reload, so that rows whose key is not kept go first. */
  readonly removes: boolean
}

/** Pure: merges some rows of a stage as a unit would, and rolls that back. It raises the error that the rows bring about. */
export function probeBatch({ context, strategy, lockTimeoutMs, among, rows, removes }: Probe): string {
  return [
    ...sessionSettings(lockTimeoutMs),
    `DECLARE ${mergeVariables}, @removed bigint = 0;`,
    keepOnly(context, among),
    'BEGIN TRANSACTION;',
    keepOnly(context, rows),
    ...(removes ? [removeAbsent(context)] : []),
    ...mergeStatements(context, strategy),
    'ROLLBACK TRANSACTION;',
  ].join('\n')
}

function keepOnly({ stage }: MergeContext, { from, to }: SequenceRange): string {
  return `DELETE FROM ${stage} WHERE [seq] < ${bigintLiteral(from)} OR [seq] > ${bigintLiteral(to)};`
}
