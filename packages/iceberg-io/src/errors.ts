export type IcebergIoErrorCode =
  /** A file that is not what its manifest says, or is damaged. */
  | 'malformed-file'
  /** A file format, codec, encoding or physical type that is not read. */
  | 'unsupported-file'
  /** A column type that has no place in a batch. */
  | 'unsupported-type'
  /** A batch that does not fit the table's schema. */
  | 'schema-mismatch'
  | 'invalid-argument'
  /** Two rows that must differ in their key: of an input, or of a table whose changes are read by key. */
  | 'duplicate-keys'
  /** An input that passes the memory it was given. */
  | 'too-large'
  /** The writer has ended already. */
  | 'closed'

/** The one error class of this package; what stores and catalogs raise passes through as it is. */
export class IcebergIoError extends Error {
  override readonly name = 'IcebergIoError'
  readonly code: IcebergIoErrorCode
  readonly retryable = false
  readonly context: Readonly<Record<string, string | number | bigint>>
  readonly hint: string | undefined

  constructor(
    code: IcebergIoErrorCode,
    message: string,
    details: {
      readonly context?: Readonly<Record<string, string | number | bigint>> | undefined
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
