/** What went wrong on the way into the target, for programs; people read `message` and `hint`. */
export type ImportErrorCode =
  /** The plan has problems that must be mended first; nothing was written. */
  | 'plan'
  /** A name, collation or number cannot stand in a statement. */
  | 'invalid-argument'
  /** A unit's rows are not what the unit says: a count, an order or a column does not fit. */
  | 'malformed-unit'
  /** A value does not fit a target column whose loss was declared, or has a character that its code page lacks; nothing was merged. */
  | 'value-does-not-fit'
  /** The target refused a row: a constraint, a NOT NULL column, a length or a range. The message names it by key where it can be told. */
  | 'row-refused'
  /** `icebridge.applied` was written by a newer version. */
  | 'newer-version'
  /** The position in the target belongs to another lake table than the unit. */
  | 'foreign-lake'
  /** The target table is not the one the position was written for: it was dropped and made again. */
  | 'target-replaced'
  /** A target column has another type, size or collation than when the plan was made. */
  | 'target-changed'
  /** There is a table of that name already. */
  | 'target-exists'
  /** The application lock was not granted in time. */
  | 'locked'
  /** The target gave transient errors until the attempts were used up. */
  | 'attempts-exhausted'
  /** The answer to a unit's transaction was lost, and its outcome could not be found out. */
  | 'outcome-unknown'
  /** The target answered a statement with something that this version does not know. */
  | 'statement-failed'

export interface ImportErrorDetails {
  readonly hint: string
  readonly retryable?: boolean
  /** Names and numbers only: no secrets and no row values. */
  readonly context?: Readonly<Record<string, string | number>>
  readonly cause?: unknown
}

/** The one error class of this package. Match on `code`, never on the text. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
  readonly code: ImportErrorCode
  /** Whether the same call may succeed later without anybody's help. */
  readonly retryable: boolean
  readonly context: Readonly<Record<string, string | number>>
  /** The operator's next step. */
  readonly hint: string

  constructor(code: ImportErrorCode, message: string, details: ImportErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retryable = details.retryable ?? false
    this.context = details.context ?? {}
    this.hint = details.hint
  }
}
