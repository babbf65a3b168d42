/** What went wrong, closed: match on this, never on a message. */
export type SqlServerErrorCode =
  | 'unreachable'
  | 'login-failed'
  | 'no-such-database'
  | 'tls'
  | 'invalid-config'
  | 'driver-inexact'
  | 'connection-lost'
  | 'timeout'
  | 'aborted'
  | 'statement'
  | 'deadlock'
  | 'constraint'
  | 'permission'
  | 'no-such-table'
  | 'unsupported-type'
  | 'unexpected-result'
  | 'invalid-value'
  | 'lone-surrogate'
  | 'value-too-large'
  | 'invalid-argument'
  | 'closed'

/** Plain facts about the failure, free of secrets and of row values. */
export type SqlServerErrorContext = Readonly<Record<string, string | number | bigint | boolean | undefined>>

/**
 * The one error class of this package.
 *
 * `retryable` says that the same call may succeed later without any change. `hint` is the operator's next step. Errors that the
 * server raised carry `number`, `state`, `severity`, `line`, `procedure` and `server` in their context.
 */
export class SqlServerError extends Error {
  override readonly name: string = 'SqlServerError'
  readonly code: SqlServerErrorCode
  readonly retryable: boolean
  readonly context: SqlServerErrorContext
  readonly hint: string | undefined

  constructor(
    code: SqlServerErrorCode,
    message: string,
    options: {
      readonly retryable?: boolean | undefined
      readonly context?: SqlServerErrorContext | undefined
      readonly hint?: string | undefined
      readonly cause?: unknown
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.context = options.context ?? {}
    this.hint = options.hint
  }
}

/** True when `error` is a {@link SqlServerError}, and of `code` when one is given. */
export function isSqlServerError(error: unknown, code?: SqlServerErrorCode): error is SqlServerError {
  return error instanceof SqlServerError && (code === undefined || error.code === code)
}
