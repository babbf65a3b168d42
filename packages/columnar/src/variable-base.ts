import { type Binary, type Data, makeData, type Utf8 } from 'apache-arrow'
import { BuilderBase, doubled } from './builder-base.ts'
import { ColumnarError } from './errors.ts'

export const MAX_BYTES = 0x7fff_ffff
/** Buffers past this grow by a quarter and not to the double. */
const LARGE = 32 * 1024 * 1024
/** Room for a value of so many bytes is made once: what of it is not written costs no memory, and a buffer that grows has it twice. */
export const AT_ONCE: number = 1024 * 1024

/** Builds a column of offsets into one growing byte buffer: string or binary. */
export abstract class VariableBase extends BuilderBase {
  protected offsets: Int32Array | undefined = undefined
  protected bytes: Buffer = Buffer.alloc(0)
  protected end = 0
  /** What the next batch begins with: as much as the last one had. */
  #expected = 0
  readonly #maxValueBytes: number

  constructor(name: string, initialRows: number, maxValueBytes: number = MAX_BYTES) {
    super(name, initialRows)
    this.#maxValueBytes = maxValueBytes
  }

  appendNull(): void {
    this.prepare(0)
    this.markNull()
    this.close(this.end)
  }

  get byteSize(): number {
    return this.end + this.length * 4
  }

  /** Makes room for one more row and for `extra` more bytes. */
  protected prepare(extra: number): void {
    const offsets = this.offsets
    if (offsets === undefined) {
      const first = new Int32Array(this.allocate((this.capacity + 1) * 4))
      first[0] = 0
      this.offsets = first
    } else if (this.length + 1 === offsets.length) {
      this.capacity = doubled(this.capacity)
      const grown = new Int32Array(this.allocate((this.capacity + 1) * 4))
      grown.set(offsets)
      this.release(offsets)
      this.offsets = grown
    }
    if (this.end + extra > this.bytes.length) this.#growBytes(extra)
  }

  /** Refuses a value of so many bytes, or of more, when that passes the bound. */
  protected checkBytes(bytes: number): void {
    if (bytes <= this.#maxValueBytes) return
    throw new ColumnarError(
      'value-too-large',
      `Column ${this.name}, row ${this.length} of the batch: ${bytes} bytes or more, and the bound is ${this.#maxValueBytes}`,
      { context: { column: this.name, row: this.length, bytes, maxBytes: this.#maxValueBytes } },
    )
  }

  /** The same for a value in parts, when `extra` bytes of it come to those before. */
  protected checkPart(extra: number): void {
    this.checkBytes(this.end + extra - (this.offsets?.[this.length] ?? 0))
  }

  protected close(end: number): void {
    this.end = end
    this.length++
    // prepare() made the slot
    ;(this.offsets as Int32Array)[this.length] = end
  }

  protected appendBytes(value: Uint8Array): void {
    const { length } = value
    this.checkBytes(length)
    this.prepare(length)
    const { bytes } = this
    let at = this.end
    if (length <= 24) {
      for (let index = 0; index < length; index++) bytes[at++] = value[index] ?? 0
    } else {
      bytes.set(value, at)
      at += length
    }
    this.close(at)
  }

  protected finishAs(type: Utf8 | Binary): Data {
    const offsets = (this.offsets ?? new Int32Array(1)).subarray(0, this.length + 1)
    const made = makeData({
      type: type as Binary, // both are laid out as offsets and bytes
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      valueOffsets: offsets,
      data: new Uint8Array(this.bytes.buffer, this.bytes.byteOffset, this.end),
    })
    const size = this.end
    this.offsets = undefined
    this.bytes = Buffer.alloc(0)
    // One long value does not foretell the next.
    this.#expected = size > LARGE ? 0 : size + (size >> 3)
    this.end = 0
    this.reset()
    return made
  }

  #growBytes(extra: number): void {
    const needed = this.end + extra
    if (needed > MAX_BYTES) {
      throw this.fault('batch-too-large', 'the column would pass 2 GiB', 'Finish batches after fewer rows.')
    }
    const { length } = this.bytes
    const next =
      length === 0 ? Math.max(this.#expected, this.capacity * 8) : length + (length > LARGE ? length >> 2 : length)
    const size = Math.min(MAX_BYTES, Math.max(needed, next))
    const grown = this.memory === undefined ? fresh(size) : Buffer.from(this.memory.take(size))
    grown.set(this.bytes.subarray(0, this.end))
    this.release(this.bytes)
    this.bytes = grown
  }
}

/** Outside Node's shared pool, so that a batch owns its memory. Only bytes that were written are ever exposed. */
function fresh(size: number): Buffer {
  return size === 0 ? Buffer.alloc(0) : Buffer.allocUnsafeSlow(size)
}
