import { IcebergError, type FileWriter } from '@icebridge/iceberg-core'

/** How one store takes an object: in one request, or in parts that become an object together. */
export interface ObjectSink {
  /** Stores a whole object. @throws IcebergError `already-exists`, `io`, ... */
  putWhole(bytes: Uint8Array): Promise<void>
  begin(): Promise<PartUpload>
}

export interface PartUpload {
  /** Parts are numbered from 1, without gaps; several are under way at a time. */
  putPart(number: number, bytes: Uint8Array): Promise<void>
  /** Makes the object of all parts. Called once, after every part is stored. @throws IcebergError `already-exists`, `io`, ... */
  complete(): Promise<void>
  /** Drops the parts. Never throws. */
  abort(): Promise<void>
}

export interface ObjectWriterOptions {
  /** The location as the caller gave it. */
  readonly path: string
  readonly partBytes: number
  /** Parts under way at a time. */
  readonly concurrency: number
  readonly signal: AbortSignal | undefined
}

const FIRST_BUFFER_BYTES = 64 * 1024
/** Part sizes double after so many parts, so that 10,000 parts, the most that S3 takes, hold more than its largest object. */
const PARTS_BEFORE_DOUBLING = 1000

/**
 * Collects what is written into parts. A file that fits into one part is stored by a single request at `close`. What is held
 * is the open part and the ones under way.
 */
export class ObjectWriter implements FileWriter {
  readonly path: string
  readonly #sink: ObjectSink
  readonly #options: ObjectWriterOptions
  readonly #underWay = new Set<Promise<void>>()
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES)
  #filled = 0
  #sizeBytes = 0
  #partBytes: number
  #parts = 0
  #upload: PartUpload | undefined
  #failure: { readonly error: unknown } | undefined
  /** The one close or abort that decided. */
  #end: { readonly how: 'close' | 'abort'; readonly done: Promise<void> } | undefined

  constructor(sink: ObjectSink, options: ObjectWriterOptions) {
    this.path = options.path
    this.#sink = sink
    this.#options = options
    this.#partBytes = options.partBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#end !== undefined) throw this.#finished(`The writer of ${this.path} is finished`)
    for (let offset = 0; offset < bytes.length;) {
      this.#check()
      const room = Math.min(bytes.length - offset, this.#partBytes - this.#filled)
      this.#reserve(this.#filled + room)
      this.#buffer.set(bytes.subarray(offset, offset + room), this.#filled)
      this.#filled += room
      this.#sizeBytes += room
      offset += room
      if (this.#filled === this.#partBytes) await this.#startPart()
    }
    this.#check()
  }

  async close(): Promise<void> {
    this.#end ??= { how: 'close', done: this.#finish() }
    if (this.#end.how === 'close') return this.#end.done
    throw this.#finished(`The writer of ${this.path} was aborted`)
  }

  async abort(): Promise<void> {
    this.#end ??= { how: 'abort', done: this.#drop() }
    // After a close there is nothing to drop: the object is there, or close has cleaned up and thrown.
    await this.#end.done.catch(() => undefined)
  }

  async #finish(): Promise<void> {
    try {
      this.#check()
      if (this.#upload === undefined) {
        await this.#sink.putWhole(this.#buffer.subarray(0, this.#filled))
        return
      }
      if (this.#filled > 0) await this.#startPart()
      await Promise.all(this.#underWay)
      this.#check()
      await this.#upload.complete()
    } catch (error) {
      await this.#drop()
      throw error
    }
  }

  async #drop(): Promise<void> {
    await Promise.all(this.#underWay)
    await this.#upload?.abort()
  }

  /** Hands the open part over, once fewer than the allowed number are under way. */
  async #startPart(): Promise<void> {
    this.#upload ??= await this.#sink.begin()
    while (this.#underWay.size >= this.#options.concurrency) await Promise.race(this.#underWay)
    this.#check()
    const part = this.#buffer.subarray(0, this.#filled)
    this.#parts += 1
    const stored = this.#upload.putPart(this.#parts, part).then(
      () => void this.#underWay.delete(stored),
      (error: unknown) => {
        this.#underWay.delete(stored)
        this.#failure ??= { error }
      },
    )
    this.#underWay.add(stored)
    if (this.#parts % PARTS_BEFORE_DOUBLING === 0) this.#partBytes *= 2
    this.#buffer = new Uint8Array(this.#partBytes)
    this.#filled = 0
  }

  #check(): void {
    this.#options.signal?.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #reserve(needed: number): void {
    if (needed <= this.#buffer.length) return
    const grown = new Uint8Array(Math.min(this.#partBytes, Math.max(needed, this.#buffer.length * 2)))
    grown.set(this.#buffer.subarray(0, this.#filled))
    this.#buffer = grown
  }

  #finished(message: string): IcebergError {
    return new IcebergError('invalid-argument', message, { context: { path: this.path } })
  }
}
