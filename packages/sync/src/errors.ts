/** What went wrong in a run, for programs; people read `message` and `hint`. */
export type SyncErrorCode =
  /** The plan found something that must be mended first; `problems` has all of it. Nothing was written. */
  | 'plan'
  /** The journal follows one change detection strategy and another was asked for. */
  | 'strategy-changed'
  /** A column of the source was altered while its rows were read; what was read is discarded. */
  | 'source-altered'
  /** Other extractors kept moving the journal's head. */
  | 'contention'
  /** The server does not order a key's values as it gave them. */
  | 'unusable-key'
  /** There is no journal yet, so there is nothing to apply. */
  | 'no-journal'
  /** A leg was asked for that the coordinator has no source or no target for. */
  | 'not-configured'

export interface SyncProblem {
  readonly code: string
  readonly table: string
  readonly column?: string
  readonly message: string
  readonly hint: string
}

/** The one error class of this package. Errors of the packages below pass through as they are. */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: SyncErrorCode
  readonly retryable: boolean
  readonly context: Readonly<Record<string, string>>
  readonly hint: string
  readonly problems: readonly SyncProblem[]

  constructor(
    code: SyncErrorCode,
    message: string,
    details: {
      readonly hint: string
      readonly context?: Readonly<Record<string, string>>
      readonly problems?: readonly SyncProblem[]
      readonly retryable?: boolean
      readonly cause?: unknown
    },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retryable = details.retryable ?? false
    this.context = details.context ?? {}
    this.hint = details.hint
    this.problems = details.problems ?? []
  }
}

/** Gathers problems into one error whose message lists them all. */
export function planError(table: string, problems: readonly SyncProblem[]): SyncError {
  const lines = problems.map((p) => `${p.table}${p.column === undefined ? '' : `.${p.column}`}: ${p.message}`)
  return new SyncError('plan', `${table} cannot be synchronised:\n${lines.map((line) => `  - ${line}`).join('\n')}`, {
    hint: [...new Set(problems.map((p) => p.hint))].join(' '),
    context: { table },
    problems,
  })
}
