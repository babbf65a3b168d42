import { IcebergError } from '@icebridge/iceberg-core'

/** SQLite's primary result codes that mean something to us. @see https://www.sqlite.org/rescode.html */
const primary = { busy: 5, locked: 6, readOnly: 8, full: 13, cannotOpen: 14, notADatabase: 26 } as const

/** The primary result code of an error from node:sqlite, if it is one. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

/** Another connection holds the lock; the same call can succeed later. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error)
  return code === primary.busy || code === primary.locked
}

/** A row with that key is there already: SQLITE_CONSTRAINT_PRIMARYKEY or SQLITE_CONSTRAINT_UNIQUE. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 1555 || error.errcode === 2067)
}

/** SQLite's error as an IcebergError that names the file; anything else passes unchanged. */
export function sqliteError(error: unknown, path: string): unknown {
  const code = resultCode(error)
  if (code === undefined || !(error instanceof Error)) return error
  const context = { path, sqlite: code }
  switch (code) {
    case primary.busy:
    case primary.locked:
      return new IcebergError('io', `The catalog ${path} is locked by another process`, {
        retryable: true,
        context,
        hint: 'Find the process that keeps a transaction open on the file, or wait for it.',
        cause: error,
      })
    case primary.full:
      return new IcebergError('io', `The catalog ${path} could not be written: the disk is full`, {
        retryable: true,
        context: { ...context, reason: 'no-space' },
        hint: 'Free space on that disk and run again.',
        cause: error,
      })
    case primary.notADatabase:
      return new IcebergError('io', `${path} is not a SQLite database`, {
        context,
        hint: 'Give the path of the catalog file, or of a file that does not exist yet.',
        cause: error,
      })
    case primary.cannotOpen:
    case primary.readOnly:
      return new IcebergError('io', `The catalog ${path} cannot be opened for writing`, {
        context,
        hint: 'Check that the folder exists and that this account may write in it.',
        cause: error,
      })
    default:
      return new IcebergError('io', `The catalog ${path} failed: ${error.message}`, { context, cause: error })
  }
}
