import type { Transform } from 'node:stream'
import { availableParallelism } from 'node:os'
import { constants, createZstdCompress } from 'node:zlib'

/** Memory that a stream writes frames into, one behind the other: frames are slices of it. */
const OUTPUT_BYTES = 2 * 1024 * 1024
/** Pages that are compressed at the same time: Node's pool has four threads. */
const STREAMS = Math.min(4, availableParallelism())

/**
 * Compresses pages off the main thread, each as a frame of its own, in streams that are used again: a stream has its context, and its
 * output needs no memory of its own for each page. (`zstdCompress` makes both anew, and puts two pieces together if there are two.)
 */
export class ZstdFrames {
  readonly #level: number
  readonly #idle: FrameStream[] = []
  readonly #waiting: ((stream: FrameStream) => void)[] = []
  #streams = 0

  constructor(level: number) {
    this.#level = level
  }

  /** The frame of `bytes`, which must not change until it resolves, in parts. */
  async compress(bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    const stream = this.#idle.pop() ?? (await this.#next())
    try {
      return await stream.compress(bytes)
    } finally {
      const next = this.#waiting.shift()
      if (next !== undefined) next(stream)
      else this.#idle.push(stream)
    }
  }

  /** Frees what no page is compressed in. The next page makes it anew. */
  release(): void {
    for (const stream of this.#idle.splice(0)) {
      stream.close()
      this.#streams -= 1
    }
  }

  #next(): FrameStream | Promise<FrameStream> {
    if (this.#streams === STREAMS) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#streams += 1
    return new FrameStream(this.#level)
  }
}

class FrameStream {
  readonly #codec: Transform & { close(): void }
  #parts: Uint8Array[] = []

  constructor(level: number) {
    const params = { [constants.ZSTD_c_compressionLevel]: level }
    // Every write ends a frame.
    this.#codec = createZstdCompress({ params, chunkSize: OUTPUT_BYTES, flush: constants.ZSTD_e_end })
    this.#codec.on('data', (part: Uint8Array) => this.#parts.push(part))
    // A write that fails says so itself.
    this.#codec.on('error', () => {})
  }

  compress(bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    return new Promise((resolve, reject) => {
      this.#codec.write(bytes, (error) => {
        const parts = this.#parts
        this.#parts = []
        if (error === undefined || error === null) resolve(parts)
        else reject(error)
      })
    })
  }

  close(): void {
    this.#codec.close()
  }
}
