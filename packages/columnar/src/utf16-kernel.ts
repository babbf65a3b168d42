/** `utf16-kernel.wat`, assembled, in base64. A test assembles it again. */
export const MODULE =
  'AGFzbQEAAAABCAFgA39/fwF/AwIBAAUDAQADBxQCBm1lbW9yeQIAB2NvbnZlcnQAAAr4AwH1AwICewV/QRAhCQNAAkAgACABQRBrSgRAIAEhCAwBCyAA/QAEACEDIANB/w/9EP0y/VMEQCAAQRBqIQggCUEEayEJIAlBAEgEQEEADwsMAQsgAEEQaiEAIAlBAWohCSADQf8A/RD9MiEEIAT9hAEhBSACIANBBv2NASADQT/9EP1OQQj9iwH9UEHAgQL9EP1QIAMgBP1SIAVBBHT9AAQA/Q79CwQAIAJBCGogBWlqIQIMAQsDQCAAIAhPBEAgACABSQ0CIAIPCyAALwEAIQYgAEECaiEAIAZBgAFJBEAgAiAGOgAAIAJBAWohAgwBCyAGQYAQSQRAIAJBwAEgBkEGdnI6AAAgAkGAASAGQT9xcjoAASACQQJqIQIMAQsgBkGA8ANxQYCwA0cEQCACQeABIAZBDHZyOgAAIAJBgAEgBkEGdkE/cXI6AAEgAkGAASAGQT9xcjoAAiACQQNqIQIMAQsgBkGAuANPIAAgAU9yBEBBAA8LIAAvAQAhByAHQYD4A3FBgLgDRwRAQQAPCyAAQQJqIQAgBkH/B3FBCnQgB0H/B3FBgIAEamohBiACQfABIAZBEnZyOgAAIAJBgAEgBkEMdkE/cXI6AAEgAkGAASAGQQZ2QT9xcjoAAiACQYABIAZBP3FyOgADIAJBBGohAgwACwsACw=='
const SHUFFLES = 256
const LANES = 8
const VECTOR = 16
const SOURCE = SHUFFLES * VECTOR
/** Bytes of UTF-16 that are converted at once, at most. */
export const KERNEL_BYTES: number = 64 * 1024
/** Three bytes at most for two, and 16 more that may be written over. */
const RESULT = SOURCE + KERNEL_BYTES

/** As far as it is used here: its types come with those of browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => {
    /** What {@link MODULE} exports. */
    readonly exports: {
      readonly memory: { readonly buffer: ArrayBuffer }
      readonly convert: (from: number, end: number, to: number) => number
    }
  }
}

/** Converts UTF-16LE to UTF-8 by vectors, in memory of its own: a string in between would be garbage as soon as it is made. */
export class Utf16Kernel {
  static #made: Utf16Kernel | null | undefined
  readonly #memory: Buffer
  readonly #convert: (from: number, end: number, to: number) => number

  private constructor() {
    const { memory, convert } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(MODULE, 'base64'))).exports
    this.#memory = Buffer.from(memory.buffer)
    this.#convert = convert
    for (let lanes = 0; lanes < SHUFFLES; lanes += 1) {
      let at = lanes * VECTOR
      for (let lane = 0; lane < LANES; lane += 1) {
        this.#memory[at++] = lane * 2
        if ((lanes & (1 << lane)) !== 0) this.#memory[at++] = lane * 2 + 1
      }
    }
  }

  /** The one of this thread; undefined where there is no WebAssembly (`--jitless`), or none with vectors (an old processor). */
  static get(): Utf16Kernel | undefined {
    if (Utf16Kernel.#made === undefined) {
      try {
        Utf16Kernel.#made = new Utf16Kernel()
      } catch {
        Utf16Kernel.#made = null
      }
    }
    return Utf16Kernel.#made ?? undefined
  }

  /**
   * Converts the bytes from `start` (inclusive) to `end` (exclusive), an even number, {@link KERNEL_BYTES} at most.
   *
   * @returns the bytes of UTF-8 that {@link copy} has until the next call; undefined where half of a surrogate pair stands in the text, or
   * where it is of a kind that others convert faster.
   */
  convert(source: Buffer, start: number, end: number): number | undefined {
    source.copy(this.#memory, SOURCE, start, end)
    const result = this.#convert(SOURCE, SOURCE + end - start, RESULT)
    return result === 0 ? undefined : result - RESULT
  }

  /** Puts what was converted into `target`. */
  copy(target: Buffer, at: number, bytes: number): void {
    this.#memory.copy(target, at, RESULT, RESULT + bytes)
  }
}
