import {
  IcebergError,
  isIcebergError,
  type Environment,
  type IcebergErrorCode,
  type IOOptions,
  type JsonValue,
} from '@icebridge/iceberg-core'
import { newIdempotencyKey } from './idempotency-key.ts'
import type { RestConnection } from './rest-connection.ts'
import { RestFailure, restError } from './rest-failure.ts'
import { idempotencyKey, type RestAnswer, type RestRequest } from './rest-http.ts'
import type { Page } from './rest-json.ts'

/** What a call does, for messages; and what it means when the server does not know the thing, or has a conflict with it. */
export interface Purpose extends IOOptions {
  readonly what: string
  readonly missing?: IcebergErrorCode
  readonly taken?: IcebergErrorCode
}

/** Calls to a server, whose failures are errors that say what was asked for. */
export class RestCalls {
  readonly #connection: RestConnection
  readonly #environment: Environment
  readonly #pageSize: number | undefined

  constructor(connection: RestConnection, options: { readonly environment: Environment; readonly pageSize?: number }) {
    this.#connection = connection
    this.#environment = options.environment
    this.#pageSize = options.pageSize
  }

  /** Whether the server knows the thing. */
  async exists(method: 'HEAD' | 'GET', url: string, purpose: Purpose): Promise<boolean> {
    try {
      await this.#send({ method, url, isIdempotent: true }, { ...purpose, missing: 'not-found' })
      return true
    } catch (error) {
      const isMissing =
        isIcebergError(error) && ['not-found', 'no-such-table', 'no-such-namespace'].includes(error.code)
      if (isMissing) return false
      throw error
    }
  }

  /** Every entry of a list, page by page. */
  async pages<T>(
    url: string,
    parse: (body: JsonValue | undefined) => Page<T>,
    purpose: Purpose & { readonly query: Readonly<Record<string, string>> },
  ): Promise<readonly T[]> {
    const items: T[] = []
    const seen = new Set<string>()
    for (let token = ''; ;) {
      const query = new URLSearchParams(purpose.query)
      if (this.#pageSize !== undefined) query.set('pageSize', String(this.#pageSize))
      if (this.#pageSize !== undefined || token !== '') query.set('pageToken', token)
      const { body } = await this.read(query.size === 0 ? url : `${url}?${spaced(query)}`, purpose)
      const page = parse(body)
      items.push(...page.items)
      if (page.next === undefined) return items
      if (seen.has(page.next)) throw endless(this.#connection.uri, purpose.what)
      seen.add(page.next)
      token = page.next
    }
  }

  /** A GET; 304 is an answer. */
  async read(url: string, purpose: Purpose & Pick<RestRequest, 'headers' | 'authenticator'>): Promise<RestAnswer> {
    const { headers = {}, authenticator } = purpose
    return await this.#send({ method: 'GET', url, headers, authenticator, isIdempotent: true }, purpose)
  }

  /** A request that changes something. @throws IcebergError `commit-unknown` when its answer was lost. */
  async change(request: Omit<RestRequest, 'isIdempotent'>, purpose: Purpose): Promise<RestAnswer> {
    purpose.signal?.throwIfAborted()
    return await this.#send(this.keyed(request), { ...purpose, changes: true })
  }

  /** A request that changes something, with a key where the server takes one: it can be sent again then. */
  keyed(request: Omit<RestRequest, 'isIdempotent'>): RestRequest {
    if (!this.#connection.takesIdempotencyKeys) return { ...request, isIdempotent: false }
    const headers = { ...request.headers, [idempotencyKey]: newIdempotencyKey(this.#environment) }
    return { ...request, headers, isIdempotent: true }
  }

  /** @throws IcebergError `unsupported-operation` for an endpoint that the server does not offer. */
  require(endpoint: string, what: string): void {
    if (this.#connection.supports(endpoint)) return
    throw new IcebergError('unsupported-operation', `The catalog ${this.#connection.uri} has no way ${what}`, {
      context: { catalog: this.#connection.uri, endpoint },
      hint: 'The server does not offer this endpoint. Do it with the tools of the server.',
    })
  }

  async #send(request: RestRequest, purpose: Purpose & { readonly changes?: boolean }): Promise<RestAnswer> {
    try {
      return await this.#connection.http.send(request, purpose)
    } catch (error) {
      purpose.signal?.throwIfAborted()
      if (!(error instanceof RestFailure)) throw error
      throw restError(error, { ...purpose, uri: this.#connection.uri })
    }
  }
}

/** Blanks as `%20`: not every server takes a plus sign for one. */
function spaced(query: URLSearchParams): string {
  return query.toString().replaceAll('+', '%20')
}

function endless(uri: string, what: string): IcebergError {
  return new IcebergError('io', `The catalog ${uri} failed ${what}: it gives the same page again and again`, {
    context: { catalog: uri },
  })
}
