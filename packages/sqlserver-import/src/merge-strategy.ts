import type { SqlType } from '@icebridge/sqlserver'
import { stagedValue } from './byte-difference.ts'

/** One target column that a merge writes. */
export interface MergeColumn {
  /** The target's column, quoted. */
  readonly target: string
  /** The column of the stage that holds its value, quoted. */
  readonly stage: string
  /** The target's type and collation. */
  readonly type: SqlType
  readonly collation: string | undefined
  /** Whether the target takes NULL. */
  readonly nullable: boolean
  readonly key: boolean
  /** Written by INSERT under IDENTITY_INSERT; SQL Server never updates it. */
  readonly identity: boolean
}

/** What a strategy may rely on when its statement runs. */
export interface MergeContext {
  /** The target, quoted, in two parts. */
  readonly target: string
  /** The stage: a row for each distinct key, `[op]` is `insert`, `update`, `upsert` or `delete`. */
  readonly stage: string
  /** At least one of them is a key. */
  readonly columns: readonly MergeColumn[]
  /** Lock the whole target instead of its rows. */
  readonly tableLock: boolean
}

/**
 * How the rows of a stage get into the target.
 *
 * The statement runs inside the unit's transaction, under XACT_ABORT. Before it, the batch has declared the bigint variables
 * `@inserted`, `@updated` and `@deleted` as 0; after it they hold what the merge did. Names of its own begin with `@merge_`.
 * It takes and holds the locks that keep a foreign writer from a key between the look and the write.
 * A matched row is written exactly when its bytes differ ({@link bytesDiffer}); a delete of an absent key does nothing.
 */
export interface MergeStrategy {
  readonly name: string
  /** Pure: the T-SQL of the merge, one or more statements, each with its semicolon. */
  statement(context: MergeContext): string
}

/** The table hints under which every statement of a strategy looks at the target. */
export function lockHints(context: MergeContext): string {
  return context.tableLock ? 'WITH (HOLDLOCK, TABLOCKX)' : 'WITH (HOLDLOCK, UPDLOCK)'
}

/** `t.[id] = s.[c0] AND …`: the key and nothing else. `alias` is the stage's. */
export function keysEqual(context: MergeContext, alias = 's'): string {
  return context.columns
    .filter((column) => column.key)
    .map((column) => `t.${column.target} = ${stagedValue(column, alias)}`)
    .join(' AND ')
}
