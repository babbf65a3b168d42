import { IcebergError, type IOOptions } from '@icebridge/iceberg-core'

/** Gives requests their bearer token. */
export interface Authenticator {
  /** A token that is good now; `undefined` for none. */
  token(options?: IOOptions): Promise<string | undefined>
  /** The server refused `token` as expired. True when {@link token} will give another one. */
  renew(token: string | undefined): boolean
  /** The text without the secrets that this one knows. */
  redact(text: string): string
}

export const noAuthentication: Authenticator = {
  token: () => Promise.resolve(undefined),
  renew: () => false,
  redact: (text) => text,
}

/** A token that was given, or a function that gives one: it is asked again when the server refuses its last answer. */
export class BearerAuthenticator implements Authenticator {
  readonly #give: () => string | Promise<string>
  readonly #isFixed: boolean
  #token: Promise<string> | undefined
  #last: string | undefined

  constructor(token: string | (() => string | Promise<string>)) {
    this.#isFixed = typeof token === 'string'
    this.#give = typeof token === 'string' ? () => token : token
    if (typeof token === 'string') headerValue(token, 'bearer token')
  }

  async token(): Promise<string> {
    this.#token ??= this.#ask()
    return await this.#token
  }

  renew(token: string | undefined): boolean {
    if (this.#isFixed) return false
    if (token === this.#last) this.#token = undefined
    return true
  }

  redact(text: string): string {
    return withoutSecrets(text, [this.#last])
  }

  async #ask(): Promise<string> {
    try {
      const token = headerValue(await this.#give(), 'bearer token')
      this.#last = token
      return token
    } catch (error) {
      this.#token = undefined
      throw error
    }
  }
}

/** @throws IcebergError `invalid-argument` that names what has characters that HTTP does not take, never the value. */
export function headerValue(value: string, what: string): string {
  if (/^[\x20-\x7e]+$/.test(value) && value.trim() === value) return value
  throw new IcebergError('invalid-argument', `The ${what} is empty, or has characters that no HTTP header can have`, {
    hint: 'Often it is a line break at its end.',
  })
}

/** Secrets shorter than this are not looked for: they would match by chance. */
const SHORTEST_SECRET = 4

export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  let redacted = text
  for (const secret of secrets) {
    if (secret === undefined || secret.length < SHORTEST_SECRET) continue
    redacted = redacted.replaceAll(secret, '***').replaceAll(encodeURIComponent(secret), '***')
  }
  return redacted
}
