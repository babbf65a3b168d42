import { type FileHandle, mkdtemp, open, rm, rmdir, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IcebergIoError } from '../errors.ts'

/** Where bytes are in a {@link SpillFile}. */
export interface SpilledBytes {
  readonly offset: number
  readonly length: number
}

/**
 * A temporary file for what memory has no room for. It is made with the first bytes, readable by its owner only, and
 * loses its name at once where the system allows that, so that not even a crash leaves it behind.
 */
export class SpillFile {
  readonly #folder: string
  #file:
    | Promise<{ readonly handle: FileHandle; readonly folder: string; readonly path: string | undefined }>
    | undefined
  #end = 0

  /** @param folder Default the system's folder for temporary files. */
  constructor(folder: string = tmpdir()) {
    this.#folder = folder
  }

  /** Bytes written so far. */
  get sizeBytes(): number {
    return this.#end
  }

  /** Writes at the end, or over what is at `place` and no shorter. @throws what the file system raises, a full disk among it. */
  async write(bytes: Uint8Array, place?: SpilledBytes): Promise<SpilledBytes> {
    this.#file ??= create(this.#folder)
    const { handle } = await this.#file
    const at: SpilledBytes = { offset: place?.offset ?? this.#end, length: bytes.length }
    if (place === undefined) this.#end += bytes.length
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at.offset + done)
      done += bytesWritten
    }
    return at
  }

  async read(at: SpilledBytes): Promise<Buffer> {
    if (this.#file === undefined) throw new TypeError('nothing was spilled')
    const { handle } = await this.#file
    const bytes = Buffer.allocUnsafe(at.length)
    for (let done = 0; done < at.length;) {
      const { bytesRead } = await handle.read(bytes, done, at.length - done, at.offset + done)
      if (bytesRead === 0) throw new IcebergIoError('malformed-file', 'a temporary file was cut short while in use')
      done += bytesRead
    }
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const made = this.#file
    this.#file = undefined
    if (made === undefined) return
    // A file that could not be made has nothing to clean up.
    const file = await made.catch(() => undefined)
    if (file === undefined) return
    await file.handle.close()
    if (file.path !== undefined) await rm(file.folder, { recursive: true, force: true })
  }
}

async function create(
  parent: string,
): Promise<{ readonly handle: FileHandle; readonly folder: string; readonly path: string | undefined }> {
  const folder = await mkdtemp(join(parent, 'icebridge-'))
  const path = join(folder, 'spill')
  const handle = await open(path, 'wx+', 0o600)
  try {
    await unlink(path)
    await rmdir(folder)
    return { handle, folder, path: undefined }
  } catch {
    // Windows keeps the name of an open file.
    return { handle, folder, path }
  }
}
