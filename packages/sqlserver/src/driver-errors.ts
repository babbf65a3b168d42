import { classify, errorNumber } from './classify.ts'
import type { SqlServerConfig } from './config.ts'
import { SqlServerError, type SqlServerErrorCode, type SqlServerErrorContext } from './errors.ts'

/** An error message of the server, as the driver tells it. */
export interface ServerMessage {
  readonly number: number
  readonly message: string
  readonly state?: number
  readonly class?: number
}

/** Why a connection could not be opened: one error with a hint, and neither login nor password in it. */
export function connectError(
  cause: unknown,
  config: SqlServerConfig,
  messages: readonly ServerMessage[],
): SqlServerError {
  if (cause instanceof SqlServerError) return cause
  const where = `${config.server}${config.port === undefined ? '' : `,${config.port}`}`
  const numbers = messages.map(({ number }) => number)
  const driverCode = classify(cause).driverCode
  const number = numbers.find((each) => each === 4060) ?? numbers[0]
  const context: SqlServerErrorContext = {
    server: config.server,
    ...(config.port === undefined ? {} : { port: config.port }),
    database: config.database,
    ...(number === undefined ? {} : { number }),
    ...(driverCode === undefined ? {} : { driverCode }),
  }
  const make = (code: SqlServerErrorCode, message: string, hint: string, retryable = false): SqlServerError =>
    new SqlServerError(code, message, { context, hint, retryable, cause })
  if (number === 4060) {
    return make(
      'no-such-database',
      `${where} has no database ${JSON.stringify(config.database)} that this login may open`,
      'Check the name, and that the login has a user in the database.',
    )
  }
  if (number !== undefined && classify({ number }).retryable) {
    return make(
      'unreachable',
      `${where} does not take logins at the moment (error ${number})`,
      'Try again later.',
      true,
    )
  }
  if (number !== undefined || driverCode === 'ELOGIN') {
    return make(
      'login-failed',
      `${where} refused the login${number === undefined ? '' : ` (error ${number})`}`,
      'Check login and password, that the login is enabled, and that the server takes this kind of login (SQL Server logins need mixed mode).',
    )
  }
  const text = detail(cause)
  if (/cert|TLS|SSL|EPROTO|self.signed|altname|wrong version number/i.test(text)) {
    return make(
      'tls',
      `the encrypted connection to ${where} failed: ${text}`,
      'Connect by the name in the certificate and trust its issuer (NODE_EXTRA_CA_CERTS); for a server with a self-signed certificate on a network you trust, set trustServerCertificate.',
    )
  }
  return make(
    'unreachable',
    `${where} cannot be reached: ${text}`,
    'Check host and port, that SQL Server listens on TCP, and the firewalls between; a named instance needs the SQL Server Browser (UDP 1434) or its port.',
    true,
  )
}

/** An error of a statement or a bulk load as this package's own. */
export function requestError(cause: unknown, during: string): SqlServerError {
  if (cause instanceof SqlServerError) return cause
  const first = firstServerError(cause)
  const number = errorNumber(first)
  if (number === undefined) return driverFailure(cause, during)
  const classified = classify(first)
  const others = serverErrors(cause)
    .filter((each) => each !== first)
    .map((each) => each.number)
  const context: SqlServerErrorContext = {
    number,
    ...(first.state === undefined ? {} : { state: first.state }),
    ...(first.class === undefined ? {} : { severity: first.class }),
    ...(first.lineNumber === undefined ? {} : { line: first.lineNumber }),
    ...(first.procName === undefined || first.procName === '' ? {} : { procedure: first.procName }),
    ...(first.serverName === undefined || first.serverName === '' ? {} : { server: first.serverName }),
    ...(others.length === 0 ? {} : { alsoRaised: others.join(', ') }),
  }
  return new SqlServerError(codes[classified.kind] ?? 'statement', `error ${number}: ${first.message}`, {
    retryable: classified.retryable,
    context,
    ...hintFor(number),
    cause,
  })
}

const codes: Partial<Record<ReturnType<typeof classify>['kind'], SqlServerErrorCode>> = {
  deadlock: 'deadlock',
  timeout: 'timeout',
  constraint: 'constraint',
  permission: 'permission',
}

function driverFailure(cause: unknown, during: string): SqlServerError {
  const { kind, driverCode } = classify(cause)
  const context = driverCode === undefined ? {} : { driverCode }
  if (kind === 'timeout') {
    return new SqlServerError('timeout', `${during} took longer than its time-out`, {
      retryable: true,
      context,
      hint: 'Raise requestTimeoutMs, or look for a blocking session in sys.dm_exec_requests.',
      cause,
    })
  }
  if (kind === 'connection-lost') {
    return new SqlServerError('connection-lost', `the connection was lost during ${during}: ${detail(cause)}`, {
      retryable: true,
      context,
      hint: 'Whether the server finished the statement is unknown; the next connection tells.',
      cause,
    })
  }
  return new SqlServerError('statement', `${during} failed: ${detail(cause)}`, { context, cause })
}

interface DriverError extends Error {
  readonly number?: number
  readonly state?: number
  readonly class?: number
  readonly lineNumber?: number
  readonly procName?: string
  readonly serverName?: string
}

function serverErrors(cause: unknown): readonly DriverError[] {
  const errors = cause instanceof AggregateError ? cause.errors : [cause]
  return errors.filter((each): each is DriverError => each instanceof Error && 'number' in each)
}

/** The error that says why: the first, unless a later one ends the transaction for a reason that a repetition may cure. */
function firstServerError(cause: unknown): DriverError {
  const errors = serverErrors(cause)
  const found = errors.find((each) => classify(each).retryable) ?? errors[0]
  return found ?? (cause instanceof Error ? cause : new Error(String(cause)))
}

function hintFor(number: number): { hint?: string } {
  switch (number) {
    case 207:
      return { hint: 'The table changed since it was described; describe it again.' }
    case 208:
      return { hint: 'Check schema and name, and that the login may see the object.' }
    case 229:
    case 230:
      return { hint: 'Grant the login the permission that the message names.' }
    case 1205:
      return { hint: 'Another session held the locks; do the work again.' }
    case 1222:
      return { hint: 'Another session holds the locks; wait, or raise the lock time-out.' }
    case 2628:
    case 8152:
      return { hint: 'A value is longer than the target column; widen the column.' }
    case 9002:
      return { hint: 'The transaction log is full; back it up or give it room.' }
    case 1105:
      return { hint: 'The file group is full; give it room.' }
    default:
      return {}
  }
}

function detail(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && !error.message.includes(cause.message)
    ? `${error.message} (${detail(cause)})`
    : error.message
}
