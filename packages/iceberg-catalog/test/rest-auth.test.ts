import { inspect } from 'node:util'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import type { OAuth2Options } from '@icebridge/iceberg-catalog/rest'
import type { Environment, JsonValue } from '@icebridge/iceberg-core'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { expect, test } from 'vitest'
import { restFixture } from './rest-fixture.ts'
import type { Seen } from './rest-server.ts'

const secret = 'hunter2+secret/&='

/** A server that takes only the last token that it gave. Tokens are `token-1`, `token-2`, ... */
function tokenServer(options: { readonly answer?: Record<string, JsonValue> } = {}) {
  const state = { current: '', given: 0, refuses: false, forms: [] as URLSearchParams[] }
  const respond = ({ path, body, headers }: Seen) => {
    if (path === '/v1/oauth/tokens') {
      state.forms.push(new URLSearchParams(body))
      if (state.refuses) {
        const error = { error: 'invalid_client', error_description: `no such secret: ${secret}` }
        return { status: 401, body: error }
      }
      state.current = `token-${++state.given}`
      return {
        status: 200,
        body: { access_token: state.current, token_type: 'bearer', expires_in: 3600, ...options.answer },
      }
    }
    if (headers.authorization === `Bearer ${state.current}`) return undefined
    const message = `not authorized: ${headers.authorization}`
    return { status: 401, body: { error: { message, type: 'NotAuthorizedException', code: 401 } } }
  }
  return { state, start: () => restFixture({ respond }) }
}

/** The machine's environment with a clock that can be put forward. */
function movableClock() {
  let ahead = 0
  const environment: Environment = { ...systemEnvironment, nowMs: () => Date.now() + ahead }
  return { environment, forward: (ms: number) => (ahead += ms) }
}

const oauth2 = (more: Partial<OAuth2Options> = {}) => ({
  auth: { oauth2: { clientId: 'me', clientSecret: secret, ...more } },
})

/** The configuration is given to anybody, as the test server does: what counts are the requests after it. */
const authorizations = (seen: readonly Seen[]) =>
  seen.filter(({ path }) => path.startsWith('/v1/namespaces')).map(({ headers }) => headers.authorization)

test('sends the bearer token and the headers that it was given', async () => {
  await using fixture = await restFixture()
  await using catalog = await fixture.open({ auth: { token: 'abc' }, headers: { 'x-tenant': 'acme' } })
  await catalog.listNamespaces()
  expect(fixture.server.seen.map(({ headers }) => [headers.authorization, headers['x-tenant']])).toEqual([
    ['Bearer abc', 'acme'],
    ['Bearer abc', 'acme'],
  ])
})

test('asks a function for a token again when the server refuses its last one', async () => {
  const { state, start } = tokenServer()
  state.current = 'token-b'
  await using fixture = await start()
  const tokens = ['token-a', 'token-b', 'token-c']
  await using catalog = await fixture.open({ auth: { token: () => tokens.shift() ?? '' } })
  await catalog.listNamespaces()
  await catalog.listNamespaces()
  expect(authorizations(fixture.server.seen)).toEqual(['Bearer token-a', 'Bearer token-b', 'Bearer token-b'])
  expect(tokens).toEqual(['token-c'])
})

test('a fixed token that is refused is an error without the token', async () => {
  const { start } = tokenServer()
  await using fixture = await start()
  const properties = { 's3.secret-access-key': 'very-secret-key' }
  await using catalog = await fixture.open({ auth: { token: 'very-secret-token' }, properties })
  const error = await catalog.listNamespaces().catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'unauthorized', hint: expect.stringContaining('credentials') })
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('very-secret-token')
  expect(inspect(catalog, { depth: 20, showHidden: true })).not.toContain('very-secret')
})

test('gets one token for many calls with the client credentials', async () => {
  const { state, start } = tokenServer()
  await using fixture = await start()
  await using catalog = await fixture.open(oauth2({ scope: 'PRINCIPAL_ROLE:ALL', audience: 'lake', resource: 'r' }))
  await Promise.all([catalog.listNamespaces(), catalog.listNamespaces(), catalog.namespaceExists(['n'])])
  expect(state.forms.map((form) => Object.fromEntries(form))).toEqual([
    {
      grant_type: 'client_credentials',
      client_id: 'me',
      client_secret: secret,
      scope: 'PRINCIPAL_ROLE:ALL',
      audience: 'lake',
      resource: 'r',
    },
  ])
  const [, ...rest] = fixture.server.seen
  expect(fixture.server.seen[0]?.headers['content-type']).toContain('application/x-www-form-urlencoded')
  expect(new Set(rest.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer token-1']))
})

test('renews the token before it expires, and when the server no longer takes it', async () => {
  const { state, start } = tokenServer()
  const clock = movableClock()
  await using fixture = await start()
  await using catalog = await fixture.open({ ...oauth2(), environment: clock.environment })
  await catalog.listNamespaces()
  clock.forward(3600_000 - 61_000)
  await catalog.listNamespaces()
  expect(state.given).toBe(1)
  clock.forward(2_000)
  await catalog.listNamespaces()
  expect(state.given).toBe(2)
  state.current = 'revoked'
  await catalog.listNamespaces()
  expect(state.given).toBe(3)
  expect(state.forms.every((form) => form.get('grant_type') === 'client_credentials')).toBe(true)
})

test('a commit is sent again with a new token when the old one has expired', async () => {
  const { state, start } = tokenServer()
  await using fixture = await start()
  await using catalog = await fixture.open(oauth2())
  await catalog.createNamespace(['n'])
  const identifier = { namespace: ['n'], name: 't' }
  const base = await catalog.createTable(identifier, sampleTable)
  state.current = 'revoked'
  const updates = [{ action: 'set-properties', updates: { a: 'b' } }] as const
  expect((await catalog.commitTable(identifier, { base, requirements: [], updates })).status).toBe('committed')
})

test('exchanges a token that is still good when it is told to, and starts anew after it has expired', async () => {
  const { state, start } = tokenServer()
  const clock = movableClock()
  await using fixture = await start()
  await using catalog = await fixture.open({ ...oauth2({ exchangeTokens: true }), environment: clock.environment })
  clock.forward(3600_000 - 30_000)
  await catalog.listNamespaces()
  expect(Object.fromEntries(state.forms[1] ?? [])).toEqual({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'token-1',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: 'catalog',
  })
  const exchange = fixture.server.seen.filter(({ path }) => path === '/v1/oauth/tokens')[1]
  expect(exchange?.headers.authorization).toBe('Bearer token-1')
  clock.forward(3600_000 + 1)
  await catalog.listNamespaces()
  expect(state.forms[2]?.get('grant_type')).toBe('client_credentials')
})

test("exchanges a user's token, with the client's own as the actor", async () => {
  const { state, start } = tokenServer()
  await using fixture = await start()
  const tokenType = 'urn:ietf:params:oauth:token-type:id_token'
  await using catalog = await fixture.open(oauth2({ subject: { token: 'user-token', tokenType } }))
  await catalog.listNamespaces()
  expect(Object.fromEntries(state.forms[1] ?? [])).toMatchObject({
    subject_token: 'user-token',
    subject_token_type: tokenType,
    actor_token: 'token-1',
  })
  expect(authorizations(fixture.server.seen)).toEqual(['Bearer token-2'])
})

test('takes the expiry of a token from the token itself when the server does not say', async () => {
  const clock = movableClock()
  const claims = Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 600 })).toString('base64url')
  let given = 0
  await using fixture = await restFixture({
    respond: ({ path }) =>
      path === '/v1/oauth/tokens'
        ? { status: 200, body: { access_token: `e30.${claims}.${++given}`, token_type: 'Bearer' } }
        : undefined,
  })
  await using catalog = await fixture.open({ ...oauth2(), environment: clock.environment })
  await catalog.listNamespaces()
  expect(given).toBe(1)
  clock.forward(590_000)
  await catalog.listNamespaces()
  expect(given).toBe(2)
})

test('goes on with a token that is still good when the server cannot renew it just now', async () => {
  const { state, start } = tokenServer()
  const clock = movableClock()
  await using fixture = await start()
  await using catalog = await fixture.open({ ...oauth2(), environment: clock.environment })
  state.refuses = true
  clock.forward(3600_000 - 30_000)
  expect(await catalog.listNamespaces()).toEqual([])
  clock.forward(31_000)
  await expect(catalog.listNamespaces()).rejects.toMatchObject({ code: 'unauthorized' })
})

test('client credentials that are refused are an error without the secret', async () => {
  const { state, start } = tokenServer()
  state.refuses = true
  await using fixture = await start()
  const error = await fixture.open(oauth2()).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'unauthorized', message: expect.stringContaining('invalid_client') })
  const printed = inspect(error, { depth: 20, showHidden: true })
  expect(printed).not.toContain(secret)
  expect(printed).not.toContain(encodeURIComponent(secret))
})

test('an answer that has no bearer token is an error', async () => {
  const { start } = tokenServer({ answer: { token_type: 'mac' } })
  await using fixture = await start()
  await expect(fixture.open(oauth2())).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('no bearer token'),
  })
})

test("the catalog's own headers do not go to a token endpoint elsewhere", async () => {
  const { start } = tokenServer()
  await using tokens = await start()
  await using fixture = await restFixture()
  await using catalog = await fixture.open({
    ...oauth2({ serverUri: `${tokens.server.uri}/v1/oauth/tokens` }),
    headers: { 'x-api-key': 'for-the-catalog' },
  })
  await catalog.listNamespaces()
  expect(tokens.server.seen[0]?.headers['x-api-key']).toBeUndefined()
  expect(fixture.server.seen[0]?.headers['x-api-key']).toBe('for-the-catalog')
})

test.each([
  ['https://user:hunter2@host/catalog', {}],
  ['not an address hunter2', {}],
  ['ftp://host/hunter2', {}],
  ['https://host/catalog?token=hunter2', {}],
  ['https://host/catalog', { auth: { token: 'hunter2\n' } }],
  ['https://host/catalog', { headers: { 'x-api-key': 'hunter2\r\n' } }],
])('refuses the address %s with %j without repeating a secret', async (uri, more) => {
  await using fixture = await restFixture()
  const error = await fixture.open({ uri, ...more }).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'invalid-argument', hint: expect.stringMatching(/./) })
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('hunter2')
})
