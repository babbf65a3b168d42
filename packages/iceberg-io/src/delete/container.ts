/** Values of a container: 0 to 65,535. */
export const containerValues = 65_536
/** An array container holds no more values; a bitmap takes fewer bytes then. */
export const arrayLimit = 4096

const bitmapWords = containerValues / 32

/**
 * A set of 16-bit values in one of Roaring's three forms.
 *
 * @see https://github.com/RoaringBitmap/RoaringFormatSpec#containers
 */
export type Container = ArrayContainer | BitmapContainer | RunContainer

/** Few values, ascending. */
export class ArrayContainer {
  readonly kind = 'array' as const
  size: number
  #values: Uint16Array

  /** Takes the array over: its first `size` values ascend strictly. */
  constructor(values: Uint16Array = new Uint16Array(4), size = 0) {
    this.#values = values
    this.size = size
  }

  get values(): Uint16Array {
    return this.#values.subarray(0, this.size)
  }

  get byteSize(): number {
    return this.#values.byteLength
  }

  has(value: number): boolean {
    const at = this.#lowerBound(value)
    return at < this.size && this.#values[at] === value
  }

  /** The container with the value; itself as long as there is room. */
  add(value: number): Container {
    const last = this.#values[this.size - 1]
    const at = last === undefined || last < value ? this.size : this.#lowerBound(value)
    if (at < this.size && this.#values[at] === value) return this
    if (this.size === arrayLimit) return toBitmap(this).add(value)
    if (this.size === this.#values.length) {
      const grown = new Uint16Array(Math.min(arrayLimit, this.size * 2))
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values.copyWithin(at + 1, at, this.size)
    this.#values[at] = value
    this.size++
    return this
  }

  forEach(visit: (value: number) => void): void {
    for (let at = 0; at < this.size; at++) visit(this.#values[at] ?? 0)
  }

  /** Visits the values of `from` (inclusive) to `to` (exclusive). */
  forEachWithin(from: number, to: number, visit: (value: number) => void): void {
    for (let at = this.#lowerBound(from); at < this.size; at++) {
      const value = this.#values[at] ?? 0
      if (value >= to) return
      visit(value)
    }
  }

  #lowerBound(value: number): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#values[middle] ?? 0) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Many values: one bit each. */
export class BitmapContainer {
  readonly kind = 'bitmap' as const
  size: number
  readonly words: Uint32Array

  /** Takes the words over: 2,048 of them, `size` bits set. */
  constructor(words: Uint32Array = new Uint32Array(bitmapWords), size = 0) {
    this.words = words
    this.size = size
  }

  get byteSize(): number {
    return this.words.byteLength
  }

  has(value: number): boolean {
    return ((this.words[value >>> 5] ?? 0) & (1 << (value & 31))) !== 0
  }

  add(value: number): Container {
    const word = this.words[value >>> 5] ?? 0
    const bit = 1 << (value & 31)
    if ((word & bit) === 0) {
      this.words[value >>> 5] = word | bit
      this.size++
    }
    return this
  }

  forEach(visit: (value: number) => void): void {
    this.forEachWithin(0, containerValues, visit)
  }

  forEachWithin(from: number, to: number, visit: (value: number) => void): void {
    const lastWord = (to - 1) >>> 5
    for (let index = from >>> 5; index <= lastWord; index++) {
      let word = this.words[index] ?? 0
      while (word !== 0) {
        const lowest = word & -word
        const value = index * 32 + 31 - Math.clz32(lowest)
        word ^= lowest
        if (value >= from && value < to) visit(value)
      }
    }
  }
}

/** Stretches of values, as (first, length - 1), ascending and apart. */
export class RunContainer {
  readonly kind = 'run' as const
  readonly size: number
  readonly runs: Uint16Array

  /** Takes the pairs over; `size` is how many values they cover. */
  constructor(runs: Uint16Array, size: number) {
    this.runs = runs
    this.size = size
  }

  get byteSize(): number {
    return this.runs.byteLength
  }

  has(value: number): boolean {
    const at = this.#runBefore(value)
    return at >= 0 && value - (this.runs[at * 2] ?? 0) <= (this.runs[at * 2 + 1] ?? 0)
  }

  add(value: number): Container {
    return this.has(value) ? this : thaw(this).add(value)
  }

  forEach(visit: (value: number) => void): void {
    this.forEachWithin(0, containerValues, visit)
  }

  forEachWithin(from: number, to: number, visit: (value: number) => void): void {
    for (let at = Math.max(0, this.#runBefore(from)); at * 2 < this.runs.length; at++) {
      const first = this.runs[at * 2] ?? 0
      if (first >= to) return
      const end = Math.min(to, first + (this.runs[at * 2 + 1] ?? 0) + 1)
      for (let value = Math.max(from, first); value < end; value++) visit(value)
    }
  }

  /** The last run that starts at or before the value; -1 when there is none. */
  #runBefore(value: number): number {
    let low = 0
    let high = this.runs.length / 2
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.runs[middle * 2] ?? 0) <= value) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** Both sets in one; `left` may be changed and must not be used again, `right` stays as it is. */
export function unionContainers(left: Container, right: Container): Container {
  let into: Container = left.size + right.size > arrayLimit ? toBitmap(left) : thaw(left)
  right.forEach((value) => {
    into = into.add(value)
  })
  return into.kind === 'bitmap' && into.size <= arrayLimit ? toArray(into) : into
}

/** A copy that shares nothing. */
export function copyContainer(container: Container): Container {
  switch (container.kind) {
    case 'array':
      return new ArrayContainer(container.values.slice(), container.size)
    case 'bitmap':
      return new BitmapContainer(container.words.slice(), container.size)
    case 'run':
      return new RunContainer(container.runs.slice(), container.size)
  }
}

/** The same values in the form that takes the fewest bytes in a file. */
export function compactContainer(container: Container): Container {
  const runs = runsOf(container)
  const asRuns = 2 + runs.length * 2
  const asList = container.size <= arrayLimit ? container.size * 2 : bitmapWords * 4
  if (asRuns < asList) return new RunContainer(runs, container.size)
  if (container.size > arrayLimit) return toBitmap(container)
  return container.kind === 'array' ? container : toArray(container)
}

function runsOf(container: Container): Uint16Array {
  if (container.kind === 'run') return container.runs
  const pairs: number[] = []
  let first = -1
  let last = -2
  container.forEach((value) => {
    if (value !== last + 1) {
      if (first >= 0) pairs.push(first, last - first)
      first = value
    }
    last = value
  })
  if (first >= 0) pairs.push(first, last - first)
  return Uint16Array.from(pairs)
}

function toBitmap(container: Container): BitmapContainer {
  if (container.kind === 'bitmap') return container
  const bitmap = new BitmapContainer()
  container.forEach((value) => void bitmap.add(value))
  return bitmap
}

function toArray(container: Container): ArrayContainer {
  const values = new Uint16Array(Math.max(4, container.size))
  let size = 0
  container.forEach((value) => {
    values[size++] = value
  })
  return new ArrayContainer(values, size)
}

/** A form that takes further values. */
function thaw(container: Container): ArrayContainer | BitmapContainer {
  if (container.kind !== 'run') return container
  return container.size > arrayLimit ? toBitmap(container) : toArray(container)
}
