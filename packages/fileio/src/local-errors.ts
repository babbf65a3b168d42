import { IcebergError } from '@icebridge/iceberg-core'

/** The system's code of an I/O error (`ENOENT`, `ENOSPC`, ...), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The system's error as an IcebergError that names the path; anything else passes unchanged. */
export function localError(action: string, path: string, cause: unknown): unknown {
  const system = systemCode(cause)
  if (
    system === undefined ||
    cause instanceof IcebergError ||
    (cause instanceof Error && cause.name === 'AbortError')
  ) {
    return cause
  }
  const context = { path, system }
  switch (system) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new IcebergError('not-found', `There is no file ${path}`, { context, cause })
    case 'EEXIST':
      return new IcebergError('already-exists', `The file ${path} exists already`, { context, cause })
    case 'ENOSPC':
    case 'EDQUOT':
      return new IcebergError('io', `Could not ${action} ${path}: the disk is full`, {
        retryable: true,
        context: { ...context, reason: 'no-space' },
        hint: 'Free space on that disk and run again. Nothing half-written is visible to readers.',
        cause,
      })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new IcebergError('io', `Could not ${action} ${path}: not permitted (${system})`, {
        context,
        hint: 'Give this account the right to read and write there.',
        cause,
      })
    default:
      return new IcebergError('io', `Could not ${action} ${path}: ${system}`, {
        retryable: ['EAGAIN', 'EBUSY', 'EMFILE', 'ENFILE', 'EIO', 'ESTALE', 'ETIMEDOUT'].includes(system),
        context,
        cause,
      })
  }
}
