import type { SyncProblem } from './errors.ts'

/** What would become of one column. */
export interface ColumnVerdict {
  readonly name: string
  readonly sqlType: string
  readonly icebergType: string
  /** `exact`, or what would be lost or refused, in words. */
  readonly verdict: string
}

/** What a run would do with a table, found without changing anything. */
export interface TablePlan {
  /** The strategy's name; undefined when none fits (see `problems`). */
  readonly strategy: string | undefined
  /** The journal's name in the lake, and whether it is there already. */
  readonly journal: { readonly name: string; readonly exists: boolean }
  readonly target: { readonly name: string; readonly exists: boolean } | undefined
  readonly columns: readonly ColumnVerdict[]
  /** All that would stop a run. */
  readonly problems: readonly SyncProblem[]
  /** Worth knowing; stops nothing. */
  readonly notes: readonly string[]
}
