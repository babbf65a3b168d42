/** What went wrong with a watermark store. Match on this, never on the message. */
export type WatermarkErrorCode = 'invalid-argument' | 'damaged' | 'unsupported-version' | 'locked' | 'no-space' | 'io'

export interface WatermarkErrorOptions {
  readonly retryable?: boolean
  readonly context?: Readonly<Record<string, string | number>>
  readonly hint?: string
  readonly cause?: unknown
}

/** The one error class of this package: `code` to match on, `hint` for the operator's next step. */
export class WatermarkError extends Error {
  override readonly name = 'WatermarkError'
  readonly code: WatermarkErrorCode
  /** True when the same call may succeed later with nothing changed by hand. */
  readonly retryable: boolean
  readonly context: Readonly<Record<string, string | number>>
  readonly hint: string | undefined

  constructor(code: WatermarkErrorCode, message: string, options: WatermarkErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.context = options.context ?? {}
    this.hint = options.hint
  }
}

/** The system's code of an I/O error (`ENOENT`, `ENOSPC`, ...), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Names the path and the remedy of an I/O error; any other error passes unchanged. */
export function ioError(action: string, path: string, cause: unknown): unknown {
  const code = systemCode(cause)
  if (code === undefined || cause instanceof WatermarkError) return cause
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new WatermarkError(
    full ? 'no-space' : 'io',
    `Could not ${action} ${path}: ${full ? 'the disk is full' : code}`,
    {
      retryable: full || code === 'EBUSY' || code === 'EAGAIN',
      context: { path, system: code },
      hint: full
        ? 'Free space on the disk that holds the watermark file. Nothing was changed.'
        : 'Check that the path is a file in a folder where this account may read and write.',
      cause,
    },
  )
}
