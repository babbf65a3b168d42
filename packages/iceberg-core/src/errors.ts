/** What went wrong, closed: match on this, never on a message. */
export type IcebergErrorCode =
  | 'not-found'
  | 'already-exists'
  | 'io'
  | 'no-such-table'
  | 'no-such-namespace'
  | 'no-such-snapshot'
  | 'no-such-column'
  | 'namespace-not-empty'
  | 'malformed-metadata'
  | 'malformed-manifest'
  | 'malformed-json'
  | 'unsupported-format-version'
  | 'unsupported-type'
  | 'unsupported-transform'
  | 'unsupported-deletes'
  | 'unsupported-operation'
  | 'not-append-only'
  | 'unsupported-changes'
  | 'unsupported-encryption'
  | 'conflict'
  | 'commit-unknown'
  | 'invalid-argument'
  | 'invalid-schema'
  | 'unauthorized'

/** Plain facts about the failure, free of secrets and of row values. */
export type IcebergErrorContext = Readonly<Record<string, string | number | bigint | boolean | undefined>>

/**
 * The one error class of the Iceberg packages.
 *
 * `retryable` says that the same call may succeed later without any change. `hint` is the operator's next step.
 */
export class IcebergError extends Error {
  override readonly name: string = 'IcebergError'
  readonly code: IcebergErrorCode
  readonly retryable: boolean
  readonly context: IcebergErrorContext
  readonly hint: string | undefined

  constructor(
    code: IcebergErrorCode,
    message: string,
    options: {
      readonly retryable?: boolean | undefined
      readonly context?: IcebergErrorContext | undefined
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

/** True when `error` is an {@link IcebergError}, and of `code` when one is given. */
export function isIcebergError(error: unknown, code?: IcebergErrorCode): error is IcebergError {
  return error instanceof IcebergError && (code === undefined || error.code === code)
}
