/** What went wrong, closed: match on this, never on a message. */
export type ColumnarErrorCode =
  | 'unsupported-type'
  | 'invalid-type'
  | 'wrong-value-type'
  | 'malformed-decimal'
  | 'malformed-utf8'
  | 'malformed-utf16'
  | 'length-mismatch'
  | 'null-in-required'
  | 'out-of-range'
  | 'decimal-overflow'
  | 'lone-surrogate'
  | 'wrong-length'
  | 'batch-too-large'
  | 'value-too-large'

/** The one error class of this package. `context` names the column and row, never the value. */
export class ColumnarError extends Error {
  override readonly name = 'ColumnarError'
  readonly code: ColumnarErrorCode
  readonly retryable = false
  readonly context: Readonly<Record<string, string | number>>
  readonly hint: string | undefined

  constructor(
    code: ColumnarErrorCode,
    message: string,
    details: {
      readonly context?: Readonly<Record<string, string | number>> | undefined
      readonly hint?: string | undefined
      readonly cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.context = details.context ?? {}
    this.hint = details.hint
  }
}
