import { IcebergIoError } from '../errors.ts'
import {
  ArrayContainer,
  compactContainer,
  type Container,
  containerValues,
  copyContainer,
  unionContainers,
} from './container.ts'

/** Positions are 63-bit: the sign bit is 0. */
const highestPosition = 2n ** 63n - 1n
const lowBits = 16n
const bytesAContainer = 64

/**
 * A set of row positions, exact over all of 0 to 2^63 - 1: a Roaring bitmap. Iteration is ascending.
 *
 * @see https://github.com/RoaringBitmap/RoaringFormatSpec
 */
export class PositionSet implements Iterable<bigint> {
  /** Positions divided by 65,536, ascending: below 2^47, so exact as numbers. */
  readonly #keys: number[] = []
  readonly #containers: Container[] = []
  /** Where the last key was found: neighbours are asked for together. */
  #last = 0

  /** @throws IcebergIoError `invalid-argument` for a negative position or one past 2^63 - 1. */
  static of(positions: Iterable<bigint | number>): PositionSet {
    const set = new PositionSet()
    for (const position of positions) set.add(position)
    return set
  }

  /** How many positions there are. */
  get cardinality(): bigint {
    return this.#containers.reduce((sum, container) => sum + BigInt(container.size), 0n)
  }

  get isEmpty(): boolean {
    return this.#containers.length === 0
  }

  /** The highest position. */
  get highest(): bigint | undefined {
    const container = this.#containers.at(-1)
    if (container === undefined) return undefined
    let last = 0
    container.forEach((value) => {
      last = value
    })
    return (BigInt(this.#keys.at(-1) ?? 0) << lowBits) + BigInt(last)
  }

  /** Bytes held, about. */
  get byteSize(): number {
    return this.#containers.reduce((sum, container) => sum + container.byteSize + bytesAContainer, 0)
  }

  /** @throws IcebergIoError `invalid-argument` for a negative position or one past 2^63 - 1. */
  add(position: bigint | number): void {
    const [key, low] = split(position)
    const at = this.#find(key)
    if (this.#keys[at] === key) {
      const container = this.#containers[at]
      if (container !== undefined) this.#containers[at] = container.add(low)
      return
    }
    this.#keys.splice(at, 0, key)
    this.#containers.splice(at, 0, new ArrayContainer().add(low))
  }

  has(position: bigint | number): boolean {
    const [key, low] = split(position)
    const at = this.#find(key)
    return this.#keys[at] === key && this.#containers[at]?.has(low) === true
  }

  /** Adds all positions of another set, which stays as it is. */
  addAll(other: PositionSet): void {
    other.forEachContainer((key, container) => {
      const at = this.#find(key)
      const own = this.#containers[at]
      if (this.#keys[at] === key && own !== undefined) this.#containers[at] = unionContainers(own, container)
      else {
        this.#keys.splice(at, 0, key)
        this.#containers.splice(at, 0, copyContainer(container))
      }
    })
  }

  /** Sets `mask[i]` to 1 where `first + i` is in the set. Says whether any is. */
  mark(first: number, mask: Uint8Array): boolean {
    const end = first + mask.length
    let found = false
    for (let at = this.#find(Math.floor(first / containerValues)); at < this.#keys.length; at++) {
      const base = (this.#keys[at] ?? 0) * containerValues
      if (base >= end) break
      const from = Math.max(0, first - base)
      const to = Math.min(containerValues, end - base)
      this.#containers[at]?.forEachWithin(from, to, (value) => {
        mask[base + value - first] = 1
        found = true
      })
    }
    return found
  }

  *[Symbol.iterator](): Iterator<bigint> {
    for (let at = 0; at < this.#keys.length; at++) {
      const base = BigInt(this.#keys[at] ?? 0) << lowBits
      const values: number[] = []
      this.#containers[at]?.forEach((value) => values.push(value))
      for (const value of values) yield base + BigInt(value)
    }
  }

  /** @internal Containers by key, ascending. */
  forEachContainer(visit: (key: number, container: Container) => void): void {
    this.#containers.forEach((container, at) => visit(this.#keys[at] ?? 0, container))
  }

  /** @internal Appends a container whose key is above all there are; an empty one is left out. */
  push(key: number, container: Container): void {
    if (container.size === 0) return
    this.#keys.push(key)
    this.#containers.push(container)
  }

  /** Brings every part into its smallest form. */
  compact(): void {
    this.#containers.forEach((container, at) => {
      this.#containers[at] = compactContainer(container)
    })
  }

  /** The index of the key, or where it would be. */
  #find(key: number): number {
    const near = this.#keys[this.#last]
    if (near === key) return this.#last
    let low = 0
    let high = this.#keys.length
    if ((this.#keys[high - 1] ?? -1) < key) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#keys[middle] ?? 0) < key) low = middle + 1
      else high = middle
    }
    this.#last = low
    return low
  }
}

function split(position: bigint | number): readonly [number, number] {
  if (typeof position === 'number') {
    if (!Number.isSafeInteger(position) || position < 0) throw outOfRange(position)
    return [Math.floor(position / containerValues), position % containerValues]
  }
  if (position < 0n || position > highestPosition) throw outOfRange(position)
  return [Number(position >> lowBits), Number(BigInt.asUintN(16, position))]
}

function outOfRange(position: bigint | number): IcebergIoError {
  return new IcebergIoError('invalid-argument', `${position} is not a row position`, { context: { position } })
}
