import { SqlServerError } from './errors.ts'

/** What kind of failure an error is, and whether the same work may succeed when it is done again. */
export interface Classified {
  readonly kind:
    | 'transient'
    | 'deadlock'
    | 'timeout'
    | 'connection-lost'
    | 'constraint'
    | 'permission'
    | 'login'
    | 'syntax'
    | 'other'
  readonly retryable: boolean
  /** The server's error number, when the server answered. */
  readonly number?: number
  /** The driver's code, when it did not. */
  readonly driverCode?: string
}

/**
 * Numbers that a repetition may cure: locks, memory and snapshot conflicts, and the throttling and failover of Azure SQL.
 *
 * @see https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues
 * @see https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
 */
const transientNumbers: ReadonlySet<number> = new Set([
  233, 997, 1204, 3960, 4221, 10_928, 10_929, 40_143, 40_197, 40_501, 40_540, 40_613, 49_918, 49_919, 49_920,
])
const constraintNumbers: ReadonlySet<number> = new Set([515, 547, 2601, 2627])
const permissionNumbers: ReadonlySet<number> = new Set([229, 230, 262, 297, 300, 916, 15_247])
const loginNumbers: ReadonlySet<number> = new Set([4060, 18_452, 18_456, 18_470, 18_486, 18_487, 18_488])
const syntaxNumbers: ReadonlySet<number> = new Set([102, 105, 137, 156, 207, 208, 319, 2812, 4104])
const lostCodes: ReadonlySet<string> = new Set([
  'ESOCKET',
  'ECONNRESET',
  'ECLOSE',
  'ECONNCLOSED',
  'ENOTOPEN',
  'EINVALIDSTATE',
  'EPIPE',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
])

/**
 * Total over every thrown thing: errors of this package, of the driver, and anything else (`other`, not retryable).
 * An error number decides before a driver code does, because only the server knows.
 */
export function classify(error: unknown): Classified {
  const number = errorNumber(error)
  if (number !== undefined) return byNumber(number)
  const driverCode = codeOf(error)
  if (driverCode === 'ETIMEOUT') return { kind: 'timeout', retryable: true, driverCode }
  if (driverCode !== undefined && lostCodes.has(driverCode)) {
    return { kind: 'connection-lost', retryable: true, driverCode }
  }
  if (error instanceof SqlServerError) return byCode(error, driverCode)
  if (driverCode === 'ELOGIN') return { kind: 'login', retryable: false, driverCode }
  return { kind: 'other', retryable: false, ...(driverCode === undefined ? {} : { driverCode }) }
}

function byNumber(number: number): Classified {
  if (number === 1205) return { kind: 'deadlock', retryable: true, number }
  if (number === 1222) return { kind: 'timeout', retryable: true, number }
  if (transientNumbers.has(number)) return { kind: 'transient', retryable: true, number }
  if (constraintNumbers.has(number)) return { kind: 'constraint', retryable: false, number }
  if (permissionNumbers.has(number)) return { kind: 'permission', retryable: false, number }
  if (loginNumbers.has(number)) return { kind: 'login', retryable: false, number }
  if (syntaxNumbers.has(number)) return { kind: 'syntax', retryable: false, number }
  return { kind: 'other', retryable: false, number }
}

function byCode(error: SqlServerError, driverCode: string | undefined): Classified {
  const detail = driverCode === undefined ? {} : { driverCode }
  const { retryable } = error
  switch (error.code) {
    case 'connection-lost':
    case 'unreachable':
      return { kind: 'connection-lost', retryable, ...detail }
    case 'timeout':
      return { kind: 'timeout', retryable, ...detail }
    case 'login-failed':
    case 'no-such-database':
      return { kind: 'login', retryable, ...detail }
    default:
      return { kind: 'other', retryable, ...detail }
  }
}

/** The server's error number, in the error itself, in its context or in one of its causes. */
export function errorNumber(error: unknown): number | undefined {
  for (let each = error, depth = 0; isObject(each) && depth < 8; each = each['cause'], depth += 1) {
    const context = each['context']
    for (const number of [each['number'], isObject(context) ? context['number'] : undefined]) {
      if (typeof number === 'number' && Number.isInteger(number)) return number
    }
    const { errors } = each as { errors?: unknown }
    if (Array.isArray(errors)) {
      for (const one of errors) {
        const number = errorNumber(one)
        if (number !== undefined) return number
      }
    }
  }
  return undefined
}

function codeOf(error: unknown): string | undefined {
  for (let each = error, depth = 0; isObject(each) && depth < 8; each = each['cause'], depth += 1) {
    const context = each['context']
    const code = isObject(context) ? (context['driverCode'] ?? each['code']) : each['code']
    if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return code
  }
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
