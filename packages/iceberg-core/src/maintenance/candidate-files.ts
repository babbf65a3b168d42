/** Files that may be deleted unless they turn out to be in use, found again by any of the texts they go by. */
export class CandidateFiles<T> {
  readonly #byText = new Map<string, Candidate<T>[]>()
  readonly #all: Candidate<T>[] = []
  #size = 0

  /** Candidates that are not kept. */
  get size(): number {
    return this.#size
  }

  /** A file that is a candidate already, at this very location, stays one. */
  add(path: string, texts: readonly string[], about: T): void {
    if (texts.some((text) => this.#byText.get(text)?.some((candidate) => candidate.path === path) === true)) return
    const candidate = { path, about, kept: false }
    this.#all.push(candidate)
    this.#size += 1
    for (const text of texts) {
      const others = this.#byText.get(text)
      if (others === undefined) this.#byText.set(text, [candidate])
      else others.push(candidate)
    }
  }

  /** Takes a file that is in use from the candidates: those that go by one of `texts`, and that `isSame` accepts. */
  keep(texts: Iterable<string>, isSame: (path: string) => boolean = () => true): void {
    for (const text of texts) {
      for (const candidate of this.#byText.get(text) ?? []) {
        if (candidate.kept || !isSame(candidate.path)) continue
        candidate.kept = true
        this.#size -= 1
      }
    }
  }

  /** What was not kept. */
  *unused(): Generator<{ readonly path: string; readonly about: T }, void, undefined> {
    for (const candidate of this.#all) if (!candidate.kept) yield candidate
  }
}

interface Candidate<T> {
  readonly path: string
  readonly about: T
  kept: boolean
}
