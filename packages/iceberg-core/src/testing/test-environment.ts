import type { Environment } from '../port/environment.ts'

/** An environment that repeats itself: a clock that moves when told, ids from a counter, waits that do not wait. */
export class TestEnvironment implements Environment {
  /** Milliseconds since 1970-01-01; {@link nowMs} adds one to it each time. */
  clockMs: number
  /** Every wait that was asked for. */
  readonly sleeps: number[] = []
  #state: bigint

  constructor(options: { readonly clockMs?: number; readonly seed?: number } = {}) {
    this.clockMs = options.clockMs ?? 1_700_000_000_000
    this.#state = BigInt(options.seed ?? 1)
  }

  nowMs(): number {
    return this.clockMs++
  }

  uuid(): string {
    const hex = ((this.#next() << 64n) | this.#next()).toString(16).padStart(32, '0')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.sleeps.push(ms)
    return Promise.resolve()
  }

  /** SplitMix64. */
  #next(): bigint {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n)
    let mixed = this.#state
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n)
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn)
    return mixed ^ (mixed >> 31n)
  }
}
