import { IcebergError } from '@icebridge/iceberg-core'

/** The five-character SQLSTATE of an error from PostgreSQL itself. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}

/** A row with that key is there already. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505'
}

/** Another client made the same table at the same moment: `IF NOT EXISTS` does not hold against that. */
export function isTwiceCreated(error: unknown): boolean {
  return ['23505', '42P07', '42701', '42710'].includes(sqlState(error) ?? '')
}

/** The server has answered that it did nothing: what was asked for is rolled back. */
export function isRefusal(error: unknown): boolean {
  const state = sqlState(error)
  // Class 08: the connection was lost. 40003: completion unknown. 57P01 to 57P03: the server went away.
  return state !== undefined && !state.startsWith('08') && state !== '40003' && !state.startsWith('57P')
}

/** PostgreSQL's or the driver's error as an IcebergError that names the database, never the connection string. */
export function postgresError(error: unknown, place: string): unknown {
  if (error instanceof IcebergError || !(error instanceof Error)) return error
  const state = sqlState(error)
  const context = { path: place, sqlState: state, system: systemCode(error) }
  if (state?.startsWith('28') === true) {
    return new IcebergError('unauthorized', `The catalog ${place} refused the login: ${error.message}`, {
      context,
      hint: 'Check user and password of the connection URL.',
      cause: error,
    })
  }
  if (state === '42501') {
    return new IcebergError('unauthorized', `The catalog ${place} refused: ${error.message}`, {
      context,
      hint: 'Grant this user SELECT, INSERT, UPDATE and DELETE on iceberg_tables and iceberg_namespace_properties, and CREATE on the schema when they do not exist yet.',
      cause: error,
    })
  }
  const passes = state === undefined || /^(08|40|53|55P03|57)/.test(state)
  return new IcebergError('io', `The catalog ${place} failed: ${error.message}`, {
    retryable: passes,
    context,
    ...(state === undefined ? { hint: 'Check that the server runs and can be reached.' } : {}),
    cause: error,
  })
}

function systemCode(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
