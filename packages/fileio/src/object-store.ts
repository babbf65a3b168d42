import { IcebergError } from '@icebridge/iceberg-core'

/** What a store's client said of a failed request. */
export interface StoreFailure {
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined
  /** The store's name for it (`NoSuchKey`), or the system's (`ECONNRESET`). */
  readonly reason: string
  readonly message: string
  /** The condition that nothing be there was not met. */
  readonly exists?: boolean
}

export type StoreAction = 'read' | 'look at' | 'write' | 'delete' | 'list'

/** Runs requests of one kind of store and makes errors of what its client throws. */
export class ObjectStore {
  readonly #name: string
  readonly #failureOf: (error: Error) => StoreFailure

  /** The name stands in messages: `Amazon S3`. */
  constructor(name: string, failureOf: (error: Error) => StoreFailure) {
    this.#name = name
    this.#failureOf = failureOf
  }

  /** @throws IcebergError naming the path; the signal's reason when it is aborted. */
  async call<T>(action: StoreAction, where: ObjectCall, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      where.signal?.throwIfAborted()
      if (error instanceof IcebergError) throw error
      throw storeError(action, { store: this.#name, path: where.path }, this.#failure(error))
    }
  }

  /** Reads a range; one that begins at the object's end or after it is empty. */
  async readRange(where: ObjectCall, run: () => Promise<Uint8Array>): Promise<Uint8Array> {
    return this.call('read', where, async () => {
      try {
        return await run()
      } catch (error) {
        if (this.#failure(error).status === 416) return new Uint8Array(0)
        throw error
      }
    })
  }

  /**
   * Runs a conditional write. A client repeats a request whose answer was lost, and the repetition then meets our own object,
   * which `isOurs` recognises.
   */
  async createOnce(where: ObjectCall, run: () => Promise<unknown>, isOurs: () => Promise<boolean>): Promise<void> {
    try {
      await this.call('write', where, run)
    } catch (error) {
      const taken = error instanceof IcebergError && error.code === 'already-exists'
      if (!taken || !(await this.call('write', where, isOurs))) throw error
    }
  }

  #failure(error: unknown): StoreFailure {
    if (error instanceof Error) return this.#failureOf(error)
    // Google's client rejects with plain objects here and there.
    if (typeof error === 'object' && error !== null && 'message' in error) {
      return this.#failureOf(Object.assign(new Error(String(error.message)), error))
    }
    return { status: undefined, reason: 'an unknown error', message: String(error) }
  }
}

/** What a request is about. */
export interface ObjectCall {
  readonly path: string
  readonly signal?: AbortSignal | undefined
}

/**
 * A store's failure as an IcebergError that names the path. The client's own error is not kept as the cause: it can hold the
 * request, and with it what signed it.
 */
function storeError(
  action: StoreAction,
  { store, path }: { readonly store: string; readonly path: string },
  failure: StoreFailure,
): IcebergError {
  const { status, reason } = failure
  const cause = new Error(`${reason}: ${failure.message}`)
  const context = { path, store, reason, ...(status === undefined ? {} : { status }) }
  if (failure.exists === true) {
    return new IcebergError('already-exists', `The file ${path} exists already`, { context, cause })
  }
  if (status === 404 && action !== 'write') {
    return new IcebergError('not-found', `There is no file ${path}`, { context, cause })
  }
  if (status === 404) {
    return new IcebergError('io', `Could not write ${path}: ${store} says ${reason}`, {
      context,
      hint: 'The bucket or container does not exist. Create it, or correct the location.',
      cause,
    })
  }
  if (status === 401 || status === 403) {
    return new IcebergError('unauthorized', `Could not ${action} ${path}: ${store} says ${reason}`, {
      context,
      hint: 'Check the credentials, and that they may list, read, write and delete at this location.',
      cause,
    })
  }
  return new IcebergError('io', `Could not ${action} ${path}: ${store} says ${reason}`, {
    retryable: status === undefined || status === 408 || status === 429 || status >= 500,
    context,
    cause,
  })
}

export function checkRange(path: string, range: { readonly start: number; readonly end: number }): void {
  const { start, end } = range
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) return
  throw new IcebergError('invalid-argument', `The byte range ${start} to ${end} of ${path} is not a range`, {
    context: { path, start, end },
  })
}

/** An option or property that has no use together with what else was given. */
export function badProperty(property: string, what: string, hint: string): IcebergError {
  return new IcebergError('invalid-argument', `The property ${property} ${what}`, { context: { property }, hint })
}

/** For a path at which something stands already. */
export function alreadyExists(path: string): IcebergError {
  return new IcebergError('already-exists', `The file ${path} exists already`, { context: { path } })
}

/** For an answer that ended early. */
export function truncated(path: string, bytes: number, expected: number): IcebergError {
  return new IcebergError('io', `Could not read ${path}: ${bytes} of ${expected} bytes came`, {
    retryable: true,
    context: { path },
  })
}
