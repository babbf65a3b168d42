import { IcebergIoError } from '../errors.ts'

/** What is wrong with bytes, before it is known which file and column they are of. */
export class DecodeFault extends Error {
  readonly code: 'malformed-file' | 'unsupported-file'

  constructor(code: 'malformed-file' | 'unsupported-file', message: string) {
    super(message)
    this.code = code
  }
}

export function damaged(message: string): DecodeFault {
  return new DecodeFault('malformed-file', message)
}

export function unsupported(message: string): DecodeFault {
  return new DecodeFault('unsupported-file', message)
}

/** Gives a fault its file, and its column where one is known. Errors that name their place already pass through. */
export function located(error: unknown, file: string, column?: string): unknown {
  if (error instanceof IcebergIoError) return error
  const code = error instanceof DecodeFault ? error.code : 'malformed-file'
  const message = error instanceof Error ? error.message : String(error)
  const place = column === undefined ? file : `${file}: column ${column}`
  return new IcebergIoError(code, `${place}: ${message}`, {
    context: { file, ...(column === undefined ? {} : { column }) },
    hint:
      code === 'malformed-file'
        ? 'The file is damaged or not Parquet; restore it, or drop it from the table.'
        : 'Rewrite the file with another engine (rewrite_data_files).',
    cause: error,
  })
}
