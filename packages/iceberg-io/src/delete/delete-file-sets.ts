/**
 * Sets of delete files, each known by a number: keys that are in the same files share one set. 0 is the empty set, and
 * each other set is one file more than the set it was made of.
 */
export class DeleteFileSets {
  readonly #ordinals = new Map<string, number>()
  /** By set: the file it adds, and the set it adds it to. */
  readonly #added: number[] = [-1]
  readonly #rest: number[] = [0]
  readonly #known = new Map<string, number>()

  /** The number of a file that was added. */
  ordinalOf(path: string): number | undefined {
    return this.#ordinals.get(path)
  }

  /** Numbers a file. */
  add(path: string): number {
    const ordinal = this.#ordinals.size
    this.#ordinals.set(path, ordinal)
    return ordinal
  }

  /** The set of that file alone. */
  only(ordinal: number): number {
    return this.#with(0, ordinal)
  }

  union(a: number, b: number): number {
    if (a === 0 || a === b) return b
    let set = a
    for (let from = b; from !== 0; from = this.#rest[from] ?? 0) set = this.#with(set, this.#added[from] ?? 0)
    return set
  }

  /** Tells for a set whether one of the files is in it; each set is looked at once. */
  intersects(ordinals: ReadonlySet<number>): (set: number) => boolean {
    const known: (boolean | undefined)[] = [false]
    return (set) => {
      const looked: number[] = []
      let at = set
      while (known[at] === undefined && !ordinals.has(this.#added[at] ?? -1)) {
        looked.push(at)
        at = this.#rest[at] ?? 0
      }
      const answer = known[at] ?? true
      known[at] = answer
      for (const passed of looked) known[passed] = answer
      return answer
    }
  }

  #with(set: number, ordinal: number): number {
    if (this.#added[set] === ordinal) return set
    const key = `${set} ${ordinal}`
    let found = this.#known.get(key)
    if (found === undefined) {
      found = this.#added.length
      this.#added.push(ordinal)
      this.#rest.push(set)
      this.#known.set(key, found)
    }
    return found
  }
}
