import { link, mkdir, open, rename, rm, stat, unlink, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { IcebergError, type FileWriter } from '@icebridge/iceberg-core'
import { localError, systemCode } from './local-errors.ts'

/** Beginning of the name of every file that is still being written. */
const TEMPORARY_PREFIX = '.tmp-'

/**
 * True for a file that a writer left behind when it crashed, or that one is still writing. Such a file belongs to no table and
 * can be deleted once nobody writes any more.
 */
export function isTemporaryFile(path: string): boolean {
  return (path.split(/[/\\]/).at(-1) ?? '').startsWith(TEMPORARY_PREFIX)
}

/** Bytes after which what was written is put on the disk while more comes, so that the end of a large file need not wait for all of it. */
const FLUSH_BYTES = 16 * 1024 * 1024

export interface LocalWriterOptions {
  /** The location as the caller gave it. */
  readonly location: string
  /** Unique part of the temporary file's name. */
  readonly id: string
  readonly signal: AbortSignal | undefined
}

/** Opens a temporary file beside `path`, which must not exist. Missing folders are made. */
export async function createLocalWriter(path: string, options: LocalWriterOptions): Promise<FileWriter> {
  const folder = dirname(path)
  const temporary = join(folder, `${TEMPORARY_PREFIX}${options.id}`)
  try {
    await makeFolder(folder)
    if (await exists(path)) throw alreadyExists(options.location)
    return new LocalWriter(await open(temporary, 'wx'), path, temporary, options)
  } catch (error) {
    throw localError('create', options.location, error)
  }
}

/** Puts bytes in place of the file, whole and durable: a reader finds the old ones or the new ones. Missing folders are made. */
export async function replaceLocalFile(path: string, bytes: Uint8Array, options: LocalWriterOptions): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `${TEMPORARY_PREFIX}${options.id}`)
  try {
    await makeFolder(folder)
    await writeFile(temporary, bytes, { flag: 'wx', flush: true, signal: options.signal })
    await rename(temporary, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    options.signal?.throwIfAborted()
    throw localError('replace', options.location, error)
  }
}

class LocalWriter implements FileWriter {
  readonly path: string
  readonly #file: FileHandle
  readonly #final: string
  readonly #temporary: string
  readonly #signal: AbortSignal | undefined
  #sizeBytes = 0
  #flushedBytes = 0
  #flush: Promise<unknown> | undefined
  #flushError: unknown
  /** The one close or abort that decided. */
  #end: { readonly how: 'close' | 'abort'; readonly done: Promise<void> } | undefined

  constructor(file: FileHandle, final: string, temporary: string, options: LocalWriterOptions) {
    this.path = options.location
    this.#file = file
    this.#final = final
    this.#temporary = temporary
    this.#signal = options.signal
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#end !== undefined) {
      throw new IcebergError('invalid-argument', `The writer of ${this.path} is finished`, {
        context: { path: this.path },
      })
    }
    this.#signal?.throwIfAborted()
    try {
      for (let offset = 0; offset < bytes.length;) {
        offset += (await this.#file.write(bytes, offset)).bytesWritten
      }
    } catch (error) {
      throw localError('write', this.path, error)
    }
    this.#sizeBytes += bytes.length
    this.#flushAhead()
  }

  #flushAhead(): void {
    if (this.#flush !== undefined || this.#sizeBytes - this.#flushedBytes < FLUSH_BYTES) return
    this.#flushedBytes = this.#sizeBytes
    this.#flush = this.#file
      .datasync()
      // Linux tells each failure once: a later sync would not.
      .catch((error: unknown) => (this.#flushError ??= error))
      .finally(() => (this.#flush = undefined))
  }

  async close(): Promise<void> {
    this.#end ??= { how: 'close', done: this.#finish() }
    if (this.#end.how === 'close') return this.#end.done
    throw new IcebergError('invalid-argument', `The writer of ${this.path} was aborted`, {
      context: { path: this.path },
    })
  }

  async abort(): Promise<void> {
    this.#end ??= { how: 'abort', done: this.#drop() }
    // After a close there is nothing to drop: the file is there, or close has cleaned up and thrown.
    await this.#end.done.catch(() => undefined)
  }

  async #finish(): Promise<void> {
    try {
      this.#signal?.throwIfAborted()
      await this.#flush
      if (this.#flushError !== undefined) throw this.#flushError
      await this.#file.sync()
      await this.#file.close()
      await publish(this.#temporary, this.#final)
    } catch (error) {
      await this.#drop()
      throw localError('write', this.path, error)
    }
    try {
      await syncFolder(dirname(this.#final))
    } catch (error) {
      throw localError('flush the folder of', this.path, error)
    }
  }

  async #drop(): Promise<void> {
    await this.#file.close().catch(() => undefined) // closed already, or broken: the file goes away either way
    await rm(this.#temporary, { force: true }).catch(() => undefined) // recognisable by its name if it stays
  }
}

/** Gives the finished file its name, never over another one. */
async function publish(temporary: string, final: string): Promise<void> {
  try {
    await link(temporary, final)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(systemCode(error) ?? '')) throw error
    // No hard links on this file system. An empty file reserves the name, and the finished one replaces it. A reader who
    // guessed the name could see it empty for a moment; nobody is told the name before this returns.
    await (await open(final, 'wx')).close()
    await rename(temporary, final)
    return
  }
  await unlink(temporary)
}

/** Makes the folder and the missing ones above it, durably. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made))
    if (made === first || dirname(made) === made) return
  }
}

/** Makes names in the folder durable. Windows has no such call for folders and journals them itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  let handle
  try {
    handle = await open(folder, 'r')
    await handle.sync()
  } catch (error) {
    // Some network file systems cannot flush a folder, and a folder above ours need not be readable.
    if (!['EINVAL', 'ENOTSUP', 'ENOSYS', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) throw error
  } finally {
    await handle?.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

function alreadyExists(location: string): IcebergError {
  return new IcebergError('already-exists', `The file ${location} exists already`, { context: { path: location } })
}
