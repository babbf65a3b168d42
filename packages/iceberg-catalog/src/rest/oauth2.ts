import {
  IcebergError,
  isJsonObject,
  parseJsonLossless,
  type Environment,
  type IOOptions,
  type JsonValue,
} from '@icebridge/iceberg-core'
import { headerValue, noAuthentication, withoutSecrets, type Authenticator } from './authenticator.ts'
import { RestFailure, restError } from './rest-failure.ts'
import { checkedUrl, RestHttp, type RestHttpOptions } from './rest-http.ts'

/** OAuth2 client credentials, renewed before they expire. */
export interface OAuth2Options {
  readonly clientId?: string
  readonly clientSecret: string
  /** The token endpoint. Default: the catalog's own `/v1/oauth/tokens`, which the spec has deprecated. */
  readonly serverUri?: string
  /** Default `catalog`. */
  readonly scope?: string
  readonly audience?: string
  readonly resource?: string
  /**
   * Renew a token by exchanging it (RFC 8693) while it is good, as Java does by default. Default false: the client credentials
   * are sent again, which every server takes.
   */
  readonly exchangeTokens?: boolean
  /** The token of a user, exchanged for one that acts for this user in the catalog; the client's own token is the actor. */
  readonly subject?: { readonly token: string; readonly tokenType?: string }
}

const tokenTypes = 'urn:ietf:params:oauth:token-type:'
/** A token is renewed this long before it expires, or a tenth of its life where that is less. */
const RENEWAL_MS = 60_000

interface Token {
  readonly value: string
  /** `undefined`: nobody knows. */
  readonly expiresAtMs: number | undefined
  readonly renewAtMs: number | undefined
}

/**
 * Tokens by the client credentials flow, and by token exchange.
 * @see https://datatracker.ietf.org/doc/html/rfc6749#section-4.4
 * @see https://datatracker.ietf.org/doc/html/rfc8693
 */
export class OAuth2Authenticator implements Authenticator {
  readonly #options: OAuth2Options
  readonly #endpoint: string
  readonly #http: RestHttp
  readonly #environment: Environment
  #token: Token | undefined
  #asking: Promise<Token> | undefined
  readonly #secrets: (string | undefined)[]

  constructor(options: OAuth2Options, catalogUri: string, http: RestHttpOptions) {
    this.#options = options
    this.#endpoint = checkedUrl(options.serverUri ?? `${catalogUri}/v1/oauth/tokens`, 'OAuth2 token endpoint')
    this.#environment = http.environment
    this.#secrets = [options.clientSecret, options.subject?.token]
    // The catalog's own headers may be secrets for the catalog alone.
    const headers = options.serverUri === undefined ? http.headers : {}
    const redact = (text: string): string => this.redact(text)
    this.#http = new RestHttp({ ...http, headers }, { ...noAuthentication, redact })
  }

  async token(options: IOOptions = {}): Promise<string> {
    const now = this.#environment.nowMs()
    const known = this.#token
    if (known !== undefined && (known.renewAtMs === undefined || now < known.renewAtMs)) return known.value
    // One request for all who wait; none of them can abort it for the others.
    this.#asking ??= this.#ask(known).finally(() => {
      this.#asking = undefined
    })
    try {
      return (await abortable(this.#asking, options.signal)).value
    } catch (error) {
      const isGood = known?.expiresAtMs !== undefined && this.#environment.nowMs() < known.expiresAtMs
      if (isGood && options.signal?.aborted !== true) return known.value
      throw error
    }
  }

  renew(token: string | undefined): boolean {
    if (this.#token?.value === token) this.#token = undefined
    return true
  }

  redact(text: string): string {
    return withoutSecrets(text, this.#secrets)
  }

  async #ask(known: Token | undefined): Promise<Token> {
    const token = (await this.#exchanged(known)) ?? (await this.#fresh())
    this.#token = token
    this.#secrets.splice(2, this.#secrets.length, token.value)
    return token
  }

  /** The token that follows `known`, where it can still be exchanged. */
  async #exchanged(known: Token | undefined): Promise<Token | undefined> {
    const isGood = known?.expiresAtMs !== undefined && this.#environment.nowMs() < known.expiresAtMs
    if (this.#options.exchangeTokens !== true || !isGood) return undefined
    try {
      return await this.#request(
        {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: known.value,
          subject_token_type: `${tokenTypes}access_token`,
        },
        known.value,
      )
    } catch (error) {
      if (error instanceof IcebergError && error.code === 'unauthorized') return undefined
      throw error
    }
  }

  async #fresh(): Promise<Token> {
    const { clientId, clientSecret, subject } = this.#options
    const own = await this.#request({
      grant_type: 'client_credentials',
      ...(clientId === undefined ? {} : { client_id: clientId }),
      client_secret: clientSecret,
    })
    if (subject === undefined) return own
    return await this.#request(
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: subject.token,
        subject_token_type: subject.tokenType ?? `${tokenTypes}access_token`,
        actor_token: own.value,
        actor_token_type: `${tokenTypes}access_token`,
      },
      own.value,
    )
  }

  async #request(parameters: Readonly<Record<string, string>>, bearer?: string): Promise<Token> {
    const { scope = 'catalog', audience, resource } = this.#options
    const form = new URLSearchParams({
      ...parameters,
      scope,
      ...(audience === undefined ? {} : { audience }),
      ...(resource === undefined ? {} : { resource }),
    })
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
    let body
    try {
      ;({ body } = await this.#http.send({ method: 'POST', url: this.#endpoint, form, headers, isIdempotent: true }))
    } catch (error) {
      if (!(error instanceof RestFailure)) throw error
      const refused = error.kind === 'refused' && error.status !== 404 && error.status !== 429
      const failure = refused ? new RestFailure('refused', error.message, { status: 401, cause: error.cause }) : error
      throw restError(failure, { what: 'to give a token', uri: this.#endpoint })
    }
    return this.#parse(body)
  }

  #parse(body: JsonValue | undefined): Token {
    const fields = body !== undefined && isJsonObject(body) ? body : {}
    const { access_token: value, token_type: type, expires_in: expiresIn } = fields
    if (typeof value !== 'string' || (typeof type === 'string' && !/^(bearer|n_a)$/i.test(type))) {
      throw new IcebergError('unauthorized', `The answer of ${this.#endpoint} has no bearer token`, {
        context: { catalog: this.#endpoint },
        hint: 'Check that this address is the token endpoint of an OAuth2 server.',
      })
    }
    const now = this.#environment.nowMs()
    const seconds = typeof expiresIn === 'number' ? expiresIn : Number(expiresIn ?? Number.NaN)
    const expiresAtMs = Number.isFinite(seconds) && expiresIn !== null ? now + seconds * 1000 : expiryOf(value)
    const lifeMs = expiresAtMs === undefined ? undefined : Math.max(0, expiresAtMs - now)
    return {
      value: headerValue(value, 'token of the OAuth2 server'),
      expiresAtMs,
      renewAtMs: lifeMs === undefined ? undefined : now + lifeMs - Math.min(RENEWAL_MS, lifeMs / 10),
    }
  }
}

/** When a JSON web token expires, by its own `exp`. */
function expiryOf(token: string): number | undefined {
  const [, payload] = token.split('.')
  if (payload === undefined) return undefined
  try {
    const claims = parseJsonLossless(Buffer.from(payload, 'base64url').toString())
    return isJsonObject(claims) && typeof claims['exp'] === 'number' ? claims['exp'] * 1000 : undefined
  } catch {
    return undefined // opaque
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    promise.catch(() => undefined) // nobody may be left who waits for it
  }
}
