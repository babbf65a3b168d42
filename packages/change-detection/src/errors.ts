/** What went wrong while changes were being detected. Match on this, never on the message. */
export type ChangeDetectionErrorCode =
  /** No strategy fits the table. */
  | 'no-strategy'
  /** The source's position is behind one that was reached before. */
  | 'source-went-back'
  /** A stored watermark is not one of this strategy and column. */
  | 'invalid-watermark'
  /** The source's answer to the query for the upper bound is not one. */
  | 'invalid-bound'
  /** The table does not have the column that the strategy needs; `validate` says so beforehand. */
  | 'invalid-table'
  | 'invalid-argument'

export interface ChangeDetectionErrorOptions {
  readonly retryable?: boolean
  readonly context?: Readonly<Record<string, string | number>>
  readonly hint?: string
  readonly cause?: unknown
}

/** The one error class of this package: `code` to match on, `hint` for the operator's next step. */
export class ChangeDetectionError extends Error {
  override readonly name = 'ChangeDetectionError'
  readonly code: ChangeDetectionErrorCode
  /** True when the same call may succeed later with nothing changed by hand. */
  readonly retryable: boolean
  readonly context: Readonly<Record<string, string | number>>
  readonly hint: string | undefined

  constructor(code: ChangeDetectionErrorCode, message: string, options: ChangeDetectionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.context = options.context ?? {}
    this.hint = options.hint
  }
}
