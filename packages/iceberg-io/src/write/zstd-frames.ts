import type { Transform } from 'node:stream'
import { availableParallelism } from 'node:os'
import { constants, createZstdCompress } from 'node:zlib'

/**
 * Memory that a stream writes frames into, one behind the other. A page is compressed without copies while there is room left for it as
 * if it did not shrink.
 */
const OUTPUT_BYTES = 2 * 1024 * 1024
/** Pages that are compressed at the same time: Node's pool has four threads. */
const STREAMS = Math.min(4, availableParallelism())

/**
 * Compresses pages off the main thread, each as a frame of its own, in streams that are used again: a stream has its context, and its
 * output needs no memory of its own for each page. (`zstdCompress` makes both anew, and puts two pieces together if there are two.)
 */
export class ZstdFrames {
  readonly #level: number
  readonly #outputs = new WeakMap<ArrayBufferLike, Output>()
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

  /** Says that nobody reads a part of a frame any more. Memory that has no other is freed at once, not by the garbage collector. */
  giveBack(part: Uint8Array): void {
    this.#outputs.get(part.buffer)?.giveBack()
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
    return new FrameStream(this.#level, this.#outputs)
  }
}

/** Memory that a stream has written frames into. */
class Output {
  readonly #buffer: ArrayBufferLike
  /** Parts of it that somebody may read still. */
  #held = 0
  #isFull = false

  constructor(buffer: ArrayBufferLike) {
    this.#buffer = buffer
  }

  handOut(): void {
    this.#held += 1
  }

  giveBack(): void {
    this.#held -= 1
    this.#freeIfDone()
  }

  /** The stream writes into another one from now on. */
  fill(): void {
    this.#isFull = true
    this.#freeIfDone()
  }

  #freeIfDone(): void {
    if (this.#isFull && this.#held === 0 && this.#buffer instanceof ArrayBuffer) this.#buffer.transfer(0)
  }
}

class FrameStream {
  readonly #codec: Transform & { close(): void }
  #parts: Uint8Array[] = []
  #output: Output | undefined

  constructor(level: number, outputs: WeakMap<ArrayBufferLike, Output>) {
    const params = { [constants.ZSTD_c_compressionLevel]: level }
    // Every write ends a frame.
    this.#codec = createZstdCompress({ params, chunkSize: OUTPUT_BYTES, flush: constants.ZSTD_e_end })
    this.#codec.on('data', (part: Uint8Array) => {
      let output = outputs.get(part.buffer)
      if (output === undefined) {
        output = new Output(part.buffer)
        outputs.set(part.buffer, output)
        this.#output?.fill()
        this.#output = output
      }
      output.handOut()
      this.#parts.push(part)
    })
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
