import { randomUUID } from 'node:crypto'
import { mkdir, realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readText, replaceFile } from './durable-file.ts'
import { ioError, systemCode, WatermarkError } from './errors.ts'
import { tryLock, type HeldLock } from './lock-file.ts'
import { currentOwner, type LockOwner } from './lock-owner.ts'
import type { WatermarkOptions, WatermarkRecord, WatermarkStore } from './store.ts'
import { checkRecord, inOrder, parseWatermarks, serializeWatermarks } from './watermarks-json.ts'

/** What the store takes from outside. */
export interface WatermarkEnvironment {
  nowMs(): number
  uuid(): string
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface FileWatermarkStoreOptions {
  /** How long a write waits for another process's write, in milliseconds. Default 10,000. */
  readonly lockTimeoutMs?: number
  readonly environment?: WatermarkEnvironment
}

/**
 * Watermarks in one JSON file on a local disk.
 *
 * A write takes `<path>.lock`, reads the file, and replaces it whole and durably; reads need no lock. Any number of processes on
 * one host may write at once. The lock of a process that died is taken over; one from another host never is.
 */
export class FileWatermarkStore implements WatermarkStore {
  /** Absolute path of the file. */
  readonly path: string
  readonly #lockTimeoutMs: number
  readonly #environment: WatermarkEnvironment
  /** Writes of this object run one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(path: string, options: FileWatermarkStoreOptions) {
    this.path = path
    this.#lockTimeoutMs = options.lockTimeoutMs ?? 10_000
    this.#environment = options.environment ?? system
  }

  /**
   * Opens the file, which need not exist yet. The first write makes it, and its folder.
   * @throws WatermarkError `damaged`, `unsupported-version`, or `io` when it cannot be read.
   */
  static async open(path: string, options: FileWatermarkStoreOptions = {}): Promise<FileWatermarkStore> {
    const store = new FileWatermarkStore(await resolveLink(resolve(path)), options)
    await store.#load()
    return store
  }

  async read(table: string, options: WatermarkOptions = {}): Promise<WatermarkRecord | undefined> {
    options.signal?.throwIfAborted()
    return (await this.#load()).get(table)
  }

  async list(options: WatermarkOptions = {}): Promise<readonly WatermarkRecord[]> {
    options.signal?.throwIfAborted()
    return inOrder(await this.#load())
  }

  async write(record: WatermarkRecord, options: WatermarkOptions = {}): Promise<void> {
    const checked = checkRecord(record)
    await this.#change(options.signal, (records) => {
      records.set(checked.table, checked)
      return true
    })
  }

  async delete(table: string, options: WatermarkOptions = {}): Promise<void> {
    await this.#change(options.signal, (records) => records.delete(table))
  }

  /** Waits for writes under way. The store holds nothing open between calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last
  }

  async #load(): Promise<Map<string, WatermarkRecord>> {
    try {
      const text = await readText(this.path)
      return text === undefined ? new Map() : parseWatermarks(text, this.path)
    } catch (error) {
      throw ioError('read', this.path, error)
    }
  }

  #change(signal: AbortSignal | undefined, edit: (records: Map<string, WatermarkRecord>) => boolean): Promise<void> {
    const run = this.#last.then(() => this.#changeLocked(signal, edit))
    this.#last = run.catch(() => undefined) // the caller of this change gets the error; the next one starts afresh
    return run
  }

  async #changeLocked(
    signal: AbortSignal | undefined,
    edit: (records: Map<string, WatermarkRecord>) => boolean,
  ): Promise<void> {
    const owner = await currentOwner(this.#environment.uuid())
    const lock = await this.#lock(owner, signal)
    try {
      const records = await this.#load()
      signal?.throwIfAborted()
      if (!edit(records)) return
      await replaceFile(this.path, serializeWatermarks(records), `${this.path}.tmp-${owner.token}`)
    } catch (error) {
      throw ioError('write', this.path, error)
    } finally {
      await lock.release()
    }
  }

  async #lock(owner: LockOwner, signal: AbortSignal | undefined): Promise<HeldLock> {
    const path = `${this.path}.lock`
    const environment = this.#environment
    const deadline = environment.nowMs() + this.#lockTimeoutMs
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, 50)) {
      signal?.throwIfAborted()
      let attempt
      try {
        if (waitMs === FIRST_WAIT_MS) await mkdir(dirname(path), { recursive: true })
        attempt = await tryLock(path, owner)
      } catch (error) {
        throw ioError('lock', path, error)
      }
      if ('held' in attempt) return attempt.held
      if (environment.nowMs() >= deadline) throw locked(path, attempt.owner, this.#lockTimeoutMs)
      await environment.sleep(waitMs, signal)
    }
  }
}

/** The first wait for the lock, in milliseconds; each next one is twice as long, up to 50. */
const FIRST_WAIT_MS = 2

const system: WatermarkEnvironment = {
  nowMs: () => Date.now(),
  uuid: () => randomUUID(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal })
  },
}

/** Where the file really is, so that replacing it keeps a link that points at it. */
async function resolveLink(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return path
    throw ioError('open', path, error)
  }
}

function locked(path: string, owner: LockOwner | undefined, timeoutMs: number): WatermarkError {
  const who = owner === undefined ? 'an unknown process' : `process ${owner.pid} on ${owner.host}`
  return new WatermarkError('locked', `${path} is held by ${who}; gave up after ${timeoutMs} ms`, {
    retryable: true,
    context: { path, ...(owner === undefined ? {} : { pid: owner.pid, host: owner.host }) },
    hint: 'Wait for that process. If it is certain that it no longer runs, delete the lock file.',
  })
}
