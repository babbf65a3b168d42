/** What went wrong, closed: match on this, never on a message. */
export type JournalErrorCode =
  /** The plan has problems; each is in {@link JournalError.problems}. */
  | 'plan'
  /** A call that does not fit the journal's state or this package's rules. */
  | 'invalid-argument'
  /** The table is no journal, or one whose recorded properties cannot be read. */
  | 'not-a-journal'
  /** A newer version of icebridge wrote the journal. */
  | 'newer-version'
  /** A commit that icebridge did not make, and that is no maintenance, stands in the history. */
  | 'foreign-commit'
  /** The commit that the watermark stood in is gone, and the live files do not prove it. */
  | 'position-lost'
  /** The journal was rolled back behind the position that was applied. */
  | 'rolled-back'
  /** The applied position is of another table than the one that has the name now. */
  | 'table-replaced'
  /** The applied position does not fit the history at all. */
  | 'position-mismatch'
  /** Row versions that the target has not got were deleted from the journal. */
  | 'records-removed'
  /** A commit may have landed or not, and the catalog could not say. */
  | 'outcome-unknown'
  /** Others keep committing in between. */
  | 'conflict'

export type JournalErrorContext = Readonly<Record<string, string | number | bigint | boolean | undefined>>

/** The one error class of this package. `hint` is the operator's next step. */
export class JournalError extends Error {
  override readonly name: string = 'JournalError'
  readonly code: JournalErrorCode
  readonly retryable: boolean
  readonly context: JournalErrorContext
  readonly hint: string
  readonly problems: readonly PlanProblem[]

  constructor(
    code: JournalErrorCode,
    message: string,
    options: {
      readonly hint: string
      readonly retryable?: boolean | undefined
      readonly context?: JournalErrorContext | undefined
      readonly problems?: readonly PlanProblem[] | undefined
      readonly cause?: unknown
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.context = options.context ?? {}
    this.hint = options.hint
    this.problems = options.problems ?? []
  }
}

/** True when `error` is a {@link JournalError}, and of `code` when one is given. */
export function isJournalError(error: unknown, code?: JournalErrorCode): error is JournalError {
  return error instanceof JournalError && (code === undefined || error.code === code)
}

/** Something that must be put right before anything is written. */
export interface PlanProblem {
  readonly code:
    | 'empty-name'
    | 'name-collision'
    | 'journal-name'
    | 'reserved-column'
    | 'column-collision'
    | 'unsupported-type'
    | 'unknown-placeholder'
  /** `schema.name` of the source table. */
  readonly table: string
  readonly column?: string
  readonly message: string
  readonly hint: string
}
