import { randomUUID } from 'node:crypto'
import { open, opendir, readFile, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  IcebergError,
  type ByteRange,
  type FileEntry,
  type FileIO,
  type FileWriter,
  type IOOptions,
} from '@icebridge/iceberg-core'
import { localError, systemCode } from './local-errors.ts'
import { createLocalWriter, replaceLocalFile } from './local-writer.ts'
import { localPath } from './location.ts'

export { isTemporaryFile } from './local-writer.ts'

export interface LocalFileIOOptions {
  /** Unique names for files that are being written. Default: random UUIDs. */
  readonly uuid?: () => string
}

/**
 * Files on a local or mounted disk, under plain absolute paths or `file:` URIs.
 *
 * A created file is written under a temporary name in the same folder, flushed, and linked to its own name, so that it appears
 * whole and durable and never replaces another. A crashed writer leaves a file that {@link isTemporaryFile} recognises.
 */
export class LocalFileIO implements FileIO {
  readonly #uuid: () => string

  constructor(options: LocalFileIOOptions = {}) {
    this.#uuid = options.uuid ?? randomUUID
  }

  async read(path: string, options: IOOptions & { readonly range?: ByteRange | undefined } = {}): Promise<Uint8Array> {
    const { range, signal } = options
    signal?.throwIfAborted()
    if (range !== undefined) checkRange(path, range)
    const local = await localPath(path)
    try {
      if (range !== undefined) return await readRange(local, range, signal)
      const { buffer, byteOffset, length } = await readFile(local, signal === undefined ? {} : { signal })
      return new Uint8Array(buffer, byteOffset, length)
    } catch (error) {
      signal?.throwIfAborted()
      throw localError('read', path, error)
    }
  }

  async stat(path: string, options: IOOptions = {}): Promise<{ readonly sizeBytes: number }> {
    options.signal?.throwIfAborted()
    const local = await localPath(path)
    try {
      const found = await stat(local)
      if (found.isFile()) return { sizeBytes: found.size }
    } catch (error) {
      throw localError('look at', path, error)
    }
    throw new IcebergError('not-found', `${path} is not a file`, { context: { path } })
  }

  async create(path: string, options: IOOptions = {}): Promise<FileWriter> {
    options.signal?.throwIfAborted()
    const local = await localPath(path)
    return createLocalWriter(local, { location: path, id: this.#uuid(), signal: options.signal })
  }

  async replace(path: string, bytes: Uint8Array, options: IOOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const local = await localPath(path)
    await replaceLocalFile(local, bytes, { location: path, id: this.#uuid(), signal: options.signal })
  }

  async delete(path: string, options: IOOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const local = await localPath(path)
    try {
      await unlink(local)
    } catch (error) {
      if (!isAbsent(error)) throw localError('delete', path, error)
    }
  }

  /** Paths come in the spelling of `prefix`. Links to folders are not followed. Temporary files are listed too. */
  async *list(prefix: string, options: IOOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    const { signal } = options
    signal?.throwIfAborted()
    const local = await localPath(prefix)
    const isFolder = /[/\\]$/.test(prefix)
    const root = isFolder ? local : dirname(local)
    const start = isFolder ? '' : basename(local)
    try {
      for await (const name of filesUnder(root, start)) {
        signal?.throwIfAborted()
        const entry = await entryOf(join(root, name), prefix + name.slice(start.length))
        if (entry !== undefined) yield entry
      }
    } catch (error) {
      throw localError('list', prefix, error)
    }
  }
}

/** Names below `folder`, with slashes, that begin with `start`. */
async function* filesUnder(folder: string, start: string): AsyncGenerator<string, void, undefined> {
  let entries
  try {
    entries = await opendir(folder)
  } catch (error) {
    if (isAbsent(error)) return
    throw error
  }
  for await (const entry of entries) {
    if (!entry.name.startsWith(start)) continue
    if (!entry.isDirectory()) yield entry.name
    else for await (const below of filesUnder(join(folder, entry.name), '')) yield `${entry.name}/${below}`
  }
}

async function entryOf(local: string, path: string): Promise<FileEntry | undefined> {
  try {
    const found = await stat(local)
    return found.isFile() ? { path, sizeBytes: found.size, lastModifiedMs: Math.floor(found.mtimeMs) } : undefined
  } catch (error) {
    if (isAbsent(error)) return undefined // deleted since its folder was read
    throw error
  }
}

async function readRange(local: string, range: ByteRange, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const file = await open(local, 'r')
  try {
    const { size } = await file.stat()
    const bytes = new Uint8Array(Math.max(0, Math.min(range.end, size) - range.start))
    let filled = 0
    while (filled < bytes.length) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, range.start + filled)
      if (bytesRead === 0) break // the file has become shorter
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  } finally {
    await file.close()
  }
}

function checkRange(path: string, range: ByteRange): void {
  const { start, end } = range
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) return
  throw new IcebergError('invalid-argument', `The byte range ${start} to ${end} of ${path} is not a range`, {
    context: { path, start, end },
  })
}

function isAbsent(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
