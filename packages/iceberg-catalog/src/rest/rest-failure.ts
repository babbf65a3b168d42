import { IcebergError, isJsonObject, type IcebergErrorCode, type JsonValue } from '@icebridge/iceberg-core'

/**
 * Why a request has no good answer:
 * - `unsent`: it never reached the server.
 * - `refused`: the server answered that it did nothing.
 * - `uncertain`: the server may have done it, or may still do it.
 */
export type FailureKind = 'unsent' | 'refused' | 'uncertain'

/** A request without a good answer. Free of secrets. */
export class RestFailure extends Error {
  override readonly name: string = 'RestFailure'
  readonly kind: FailureKind
  readonly status: number | undefined
  /** The error model's `type`, `NoSuchTableException` for one. */
  readonly type: string | undefined
  readonly retryAfterMs: number | undefined
  /** An earlier attempt of the same request may have been carried out. */
  readonly isAfterUncertain: boolean

  /** The same, after an attempt that may have been carried out. */
  static afterUncertain(failure: RestFailure): RestFailure {
    const { kind, message, status, type, retryAfterMs, cause } = failure
    return new RestFailure(kind, message, { status, type, retryAfterMs, cause, isAfterUncertain: true })
  }

  constructor(
    kind: FailureKind,
    message: string,
    details: {
      readonly status?: number | undefined
      readonly type?: string | undefined
      readonly retryAfterMs?: number | undefined
      readonly isAfterUncertain?: boolean
      readonly cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.kind = kind
    this.status = details.status
    this.type = details.type
    this.retryAfterMs = details.retryAfterMs
    this.isAfterUncertain = details.isAfterUncertain ?? false
  }
}

/** The error model of an answer: `{"error": {"message", "type", "code"}}`, or OAuth2's `{"error", "error_description"}`. */
export function errorModel(body: JsonValue | undefined, text: string): { message: string; type: string | undefined } {
  if (body !== undefined && isJsonObject(body)) {
    const { error, error_description: description } = body
    if (typeof error === 'string') {
      return { message: typeof description === 'string' ? `${error}: ${description}` : error, type: error }
    }
    const model = error !== undefined && isJsonObject(error) ? error : body
    const type = typeof model['type'] === 'string' ? model['type'] : undefined
    const message = typeof model['message'] === 'string' ? model['message'] : type
    if (message !== undefined) return { message, type }
  }
  const line = text.replace(/\s+/g, ' ').trim().slice(0, 200)
  return { message: line === '' ? 'the answer has no body' : line, type: undefined }
}

/**
 * The failure as the error that a caller sees.
 *
 * `what` was asked for, `to drop the table a.b`; `uri` of the catalog; `missing` is what a bare 404 means, and
 * `taken` a 409 that does not name another reason.
 */
export function restError(
  failure: RestFailure,
  request: {
    readonly what: string
    readonly uri: string
    readonly missing?: IcebergErrorCode
    readonly taken?: IcebergErrorCode
    readonly changes?: boolean
  },
): IcebergError {
  const { what, uri, missing = 'io', taken = 'conflict', changes = false } = request
  const context = { catalog: uri, status: failure.status, type: failure.type }
  const message = `The catalog ${uri} failed ${what}: ${failure.message}`
  const { cause } = failure
  if (changes && (failure.kind === 'uncertain' || failure.isAfterUncertain)) {
    const hint = 'Look whether it happened before you repeat it.'
    return new IcebergError('commit-unknown', message, { context, hint, cause })
  }
  if (failure.kind === 'unsent') {
    const hint = 'Check the address, and that the server runs and can be reached.'
    return new IcebergError('io', message, { retryable: true, context, hint, cause })
  }
  const code = codeOf(failure, { missing, taken })
  const retryable = failure.kind === 'uncertain' || failure.status === 429 || failure.status === 503
  return new IcebergError(code, message, { retryable, context, hint: hints[code], cause })
}

const hints: Partial<Record<IcebergErrorCode, string>> = {
  unauthorized: 'Check the credentials of the catalog and what they are allowed to do.',
  'no-such-table': 'Names are case-sensitive. List the tables of its namespace.',
  'no-such-namespace': 'Create it first. Names are case-sensitive.',
  'namespace-not-empty': 'Drop its tables, views and namespaces first.',
}

/** By the error model's type, else by the status. Servers differ in both. */
function codeOf(
  { status, type }: RestFailure,
  { missing, taken }: { readonly missing: IcebergErrorCode; readonly taken: IcebergErrorCode },
): IcebergErrorCode {
  switch (type?.replace(/(Exception|Error)$/, '')) {
    case 'NoSuchTable':
    case 'NoSuchIcebergTable':
      return 'no-such-table'
    case 'NoSuchNamespace':
      return 'no-such-namespace'
    case 'NotFound':
      return missing === 'no-such-table' || missing === 'no-such-namespace' ? missing : 'not-found'
    case 'AlreadyExists':
    case 'TableAlreadyExists':
    case 'NamespaceAlreadyExists':
      return 'already-exists'
    case 'NamespaceNotEmpty':
      return 'namespace-not-empty'
    case 'UnsupportedOperation':
      return 'unsupported-operation'
    default:
  }
  switch (status) {
    case 400:
    case 422:
      return 'invalid-argument'
    case 401:
    case 403:
    case 419:
      return 'unauthorized'
    case 404:
      return missing
    case 405:
    case 406:
    case 501:
      return 'unsupported-operation'
    case 409:
      return taken
    default:
      return 'io'
  }
}
