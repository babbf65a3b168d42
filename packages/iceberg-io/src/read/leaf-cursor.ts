import type { Page } from './pages.ts'

/** Walks a leaf slot by slot across its pages. */
export class LeafCursor {
  readonly #pages: Iterator<Page>
  readonly #maxDefinition: number
  #page: Page | undefined
  #slot = 0
  #value = 0

  constructor(pages: Iterable<Page>, maxDefinition: number) {
    this.#pages = pages[Symbol.iterator]()
    this.#maxDefinition = maxDefinition
    this.#load()
  }

  /** The definition level of the current slot. */
  get definition(): number {
    return this.#page?.definitionLevels[this.#slot] ?? this.#maxDefinition
  }

  /** The repetition level of the current slot; 0 at the end, where a new row would begin. */
  get repetition(): number {
    return this.#page?.repetitionLevels[this.#slot] ?? 0
  }

  /** Takes the current slot: its raw value, or undefined when it holds none. */
  next(): unknown {
    const page = this.#page
    if (page === undefined) throw new RangeError('the column has no more values')
    let value: unknown
    if ((page.definitionLevels[this.#slot] ?? this.#maxDefinition) === this.#maxDefinition) {
      const stored: unknown = page.values[this.#value++]
      value = page.dictionary === undefined ? stored : page.dictionary[Number(stored)]
    }
    this.#slot += 1
    if (this.#slot >= page.slots) this.#load()
    return value
  }

  #load(): void {
    this.#slot = 0
    this.#value = 0
    do {
      const step = this.#pages.next()
      this.#page = step.done === true ? undefined : step.value
    } while (this.#page?.slots === 0)
  }
}
