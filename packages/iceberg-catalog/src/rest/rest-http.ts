import {
  IcebergError,
  isIcebergError,
  parseJsonLossless,
  stringifyJsonLossless,
  type Environment,
  type IOOptions,
  type JsonObject,
  type JsonValue,
} from '@icebridge/iceberg-core'
import { headerValue, type Authenticator } from './authenticator.ts'
import { errorModel, RestFailure } from './rest-failure.ts'
import { isUnsent } from './unsent.ts'

/** Header by which a server knows a request that it has seen. */
export const idempotencyKey = 'idempotency-key'

export type Fetch = typeof globalThis.fetch

/** How often and how patiently a request is sent again. */
export interface RestRetry {
  /** Attempts after the first one. */
  readonly retries: number
  readonly minWaitMs: number
  /** Longest wait; a server that asks for a longer one with Retry-After is not asked again. */
  readonly maxWaitMs: number
}

export interface RestRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  /** Absolute. */
  readonly url: string
  readonly json?: JsonObject
  readonly form?: URLSearchParams
  readonly headers?: Readonly<Record<string, string>>
  /** Sending it twice does no more than sending it once. */
  readonly isIdempotent: boolean
  /** Over the client's own. */
  readonly authenticator?: Authenticator | undefined
}

export interface RestAnswer {
  /** 2xx, or 304. */
  readonly status: number
  readonly headers: Headers
  readonly body: JsonValue | undefined
}

export interface RestHttpOptions {
  readonly environment: Environment
  readonly fetch: Fetch
  readonly headers: Readonly<Record<string, string>>
  readonly requestTimeoutMs: number
  readonly retry: RestRetry
}

/**
 * Sends requests, with authorization, time-outs and the retries that the REST catalog spec allows: always when nothing can have
 * happened (no connection, 429, a token that has expired), after 503 where the server says when, and after anything uncertain
 * only where a request is idempotent.
 * @see https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml
 */
export class RestHttp {
  readonly #options: RestHttpOptions
  readonly #authenticator: Authenticator
  readonly #headers: Readonly<Record<string, string>>

  constructor(options: RestHttpOptions, authenticator: Authenticator) {
    this.#options = options
    this.#authenticator = authenticator
    this.#headers = Object.fromEntries(
      Object.entries(options.headers).map(([name, value]) => [name, headerValue(value, `header ${name}`)]),
    )
  }

  /** @throws RestFailure; the signal's reason when it was aborted before anything was sent. */
  async send(request: RestRequest, options: IOOptions = {}): Promise<RestAnswer> {
    const { environment, retry } = this.#options
    const { signal } = options
    const authenticator = request.authenticator ?? this.#authenticator
    /** An earlier attempt that may have been carried out: from then on that is what there is to say. */
    let uncertain: RestFailure | undefined
    let hasNewToken = false
    for (let attempt = 0; ;) {
      let outcome
      try {
        const token = await authenticator.token(options)
        signal?.throwIfAborted()
        outcome = await this.#attempt(request, { token, signal, redact: (text) => authenticator.redact(text) })
        if (!(outcome instanceof RestFailure)) return outcome
        if (isExpired(outcome) && !hasNewToken && signal?.aborted !== true && authenticator.renew(token)) {
          hasNewToken = true
          continue
        }
        // Aborted after the request was sent: nobody knows, and nobody waits for another attempt.
        if (signal?.aborted === true || attempt >= retry.retries || !mayRepeat(outcome, request)) throw outcome
        const waitMs = Math.max(outcome.retryAfterMs ?? 0, backoffMs(retry, attempt, environment))
        if (waitMs > retry.maxWaitMs) throw outcome
        if (outcome.kind === 'uncertain') uncertain = outcome
        attempt++
        await environment.sleep(waitMs, signal)
      } catch (error) {
        if (uncertain === undefined) throw error
        throw RestFailure.afterUncertain(error instanceof RestFailure ? error : uncertain)
      }
    }
  }

  async #attempt(
    request: RestRequest,
    options: {
      readonly token: string | undefined
      readonly signal: AbortSignal | undefined
      readonly redact: (text: string) => string
    },
  ): Promise<RestAnswer | RestFailure> {
    const { token, signal, redact } = options
    const timeout = AbortSignal.timeout(this.#options.requestTimeoutMs)
    const body = request.form ?? (request.json === undefined ? undefined : stringifyJsonLossless(request.json))
    let response: Response
    let text
    try {
      response = await this.#options.fetch(request.url, {
        method: request.method,
        headers: {
          accept: 'application/json',
          ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
          ...this.#headers,
          ...request.headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body }),
        // A redirect would turn a POST into a GET, and could carry the token elsewhere.
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      text = await response.text()
    } catch (cause) {
      if (timeout.aborted && signal?.aborted !== true) {
        return new RestFailure('uncertain', `no answer within ${this.#options.requestTimeoutMs} ms`, { cause })
      }
      return new RestFailure(isUnsent(cause) ? 'unsent' : 'uncertain', redact(reasonOf(cause)), { cause })
    }
    return answerOf(response, text, redact)
  }
}

function answerOf(response: Response, text: string, redact: (text: string) => string): RestAnswer | RestFailure {
  const { status, headers } = response
  let body: JsonValue | undefined
  try {
    body = text === '' ? undefined : parseJsonLossless(text)
  } catch (cause) {
    if (!isIcebergError(cause)) throw cause
    if (response.ok) return new RestFailure('uncertain', `status ${status}, but ${cause.message}`, { status, cause })
  }
  if (response.ok || status === 304) return { status, headers, body }
  if (status >= 300 && status < 400) {
    const message = `status ${status}: the server redirects; give the address that it redirects to`
    return new RestFailure('refused', message, { status })
  }
  const { message, type } = errorModel(body, text)
  return new RestFailure(status >= 500 ? 'uncertain' : 'refused', redact(`status ${status}, ${message}`), {
    status,
    type,
    retryAfterMs: retryAfterMs(headers),
  })
}

/** A token that has expired: the server did nothing. */
function isExpired(failure: RestFailure): boolean {
  return failure.status === 401 || failure.status === 419
}

function mayRepeat(failure: RestFailure, { isIdempotent, headers }: RestRequest): boolean {
  if (failure.kind === 'unsent') return true
  if (failure.status === 429) return true
  if (failure.status === 503) return isIdempotent || failure.retryAfterMs !== undefined
  // The same request meets the same fault again, unless the fault was in the answer to one that the server remembers.
  if (failure.status === 500) return headers?.[idempotencyKey] !== undefined
  return failure.kind === 'uncertain' && isIdempotent
}

/** Doubling, drawn from the upper half so that two clients part. */
function backoffMs(retry: RestRetry, attempt: number, environment: Environment): number {
  const longest = Math.min(retry.maxWaitMs, retry.minWaitMs * 2 ** attempt)
  const random = Number.parseInt(environment.uuid().slice(0, 8), 16) / 0xffffffff
  return Math.round(longest * (0.5 + random / 2))
}

/** Seconds or a date. @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value === undefined || value === '') return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const until = Date.parse(value)
  if (Number.isNaN(until)) return undefined
  const now = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(now) ? undefined : Math.max(0, until - now)
}

/** `fetch failed` alone says nothing: the reason is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message
}

/** A URL without its secrets, checked. @throws IcebergError `invalid-argument`, without the text: it may hold a password. */
export function checkedUrl(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url !== undefined && isWeb && url.username === '' && url.password === '' && url.search === '') {
    return text.replace(/\/+$/, '')
  }
  throw new IcebergError(
    'invalid-argument',
    `The ${what} is not an http or https address without user, password and query`,
    {
      hint: 'Give https://host/path, and the credentials as the option `auth`.',
    },
  )
}
