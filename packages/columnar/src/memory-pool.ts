import type { Data, RecordBatch } from 'apache-arrow'

const DEFAULT_KEPT_BYTES = 32 * 1024 * 1024
/** Smaller pieces are cheaper to make than to keep. */
const LEAST_BYTES = 1024

/**
 * Memory that is used again instead of being made anew, so that a stream of batches leaves the garbage collector nothing to do.
 *
 * Whoever gives memory back says that nobody reads it any more: the next one to take it writes over it. What is never given back is
 * collected as usual.
 */
export class MemoryPool {
  readonly #free = new Map<number, ArrayBuffer[]>()
  readonly #lent = new WeakSet<ArrayBufferLike>()
  readonly #large = new WeakSet<ArrayBufferLike>()
  readonly #keptBytes: number
  #freeBytes = 0

  /** @param options `keptBytes`: what is given back beyond them is dropped; 32 MiB when absent. */
  constructor(options: { readonly keptBytes?: number } = {}) {
    this.#keptBytes = options.keptBytes ?? DEFAULT_KEPT_BYTES
  }

  /** Bytes that wait to be taken. */
  get freeBytes(): number {
    return this.#freeBytes
  }

  /** At least so many bytes, of any content. Pieces of more than a quarter of what is kept are made anew, no larger than asked for. */
  take(bytes: number): ArrayBuffer {
    if (bytes > this.#keptBytes >> 2) {
      const large = fresh(bytes)
      this.#large.add(large)
      return large
    }
    const size = sizeClass(bytes)
    let buffer = this.#free.get(size)?.pop()
    if (buffer === undefined) {
      buffer = fresh(size)
    } else {
      this.#freeBytes -= size
    }
    this.#lent.add(buffer)
    return buffer
  }

  /** Takes back what {@link take} gave, and frees what was made anew; other memory, and memory that is back already, is left alone. */
  giveBack(buffer: ArrayBufferLike): void {
    if (!(buffer instanceof ArrayBuffer)) return
    if (this.#large.delete(buffer)) {
      // Gone at once: the collector comes for such pieces only after several of them.
      buffer.transfer(0)
      return
    }
    if (!this.#lent.delete(buffer)) return
    const size = buffer.byteLength
    if (size < LEAST_BYTES || this.#freeBytes + size > this.#keptBytes) return
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [buffer])
    else free.push(buffer)
    this.#freeBytes += size
  }

  /** Takes back all that a batch has from here, so that nothing may be read of the batch or of slices of it. */
  giveBackBatch(batch: RecordBatch): void {
    for (const child of batch.data.children) this.#giveBackData(child)
  }

  #giveBackData(data: Data): void {
    const arrays: readonly (ArrayBufferView | undefined)[] = [data.values, data.valueOffsets]
    for (const array of arrays) if (array !== undefined) this.giveBack(array.buffer)
    for (const child of data.children) this.#giveBackData(child)
  }
}

/** Outside Node's own pool, and not filled with zeros. */
function fresh(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(Math.ceil(bytes / 16) * 16).buffer
}

/** Four sizes to each power of two, so that what is nearly as large can be used again. */
function sizeClass(bytes: number): number {
  if (bytes <= LEAST_BYTES) return Math.max(16, (bytes + 15) & ~15)
  const step = 2 ** (29 - Math.clz32(bytes - 1))
  return Math.ceil(bytes / step) * step
}
