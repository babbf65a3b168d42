import { isMap, isScalar, type Document, type LineCounter, type Node } from 'yaml'

/** One mistake in a configuration file, where it stands (1-based) and what to do about it. */
export interface ConfigProblem {
  readonly line: number
  readonly column: number
  /** The key path as a person would write it, e.g. `tables[0].strategy`. */
  readonly path: string
  readonly message: string
}

/** The configuration cannot be used. Lists every mistake, each with its line and column. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly file: string
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(
      problems
        .map((p) => `${file}:${p.line}:${p.column}: ${p.path === '' ? '' : `${p.path}: `}${p.message}`)
        .join('\n'),
    )
    this.file = file
    this.problems = problems
  }
}

/** Finds where a key path stands in a parsed document: the key itself for a path that ends at a map's key, else the value, else the nearest parent. */
export class Positions {
  readonly #document: Document.Parsed
  readonly #lines: LineCounter

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document
    this.#lines = lines
  }

  problem(path: readonly PropertyKey[], message: string): ConfigProblem {
    const { line, col } = this.#lines.linePos(this.#offset(path))
    return { line, column: col, path: pathText(path), message }
  }

  at(offset: number, message: string): ConfigProblem {
    const { line, col } = this.#lines.linePos(offset)
    return { line, column: col, path: '', message }
  }

  #offset(path: readonly PropertyKey[]): number {
    for (let length = path.length; length > 0; length--) {
      const parent = length === 1 ? this.#document.contents : this.#node(path.slice(0, length - 1))
      const last = path[length - 1]
      if (isMap(parent)) {
        const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(last))
        if (pair !== undefined && isScalar(pair.key)) return pair.key.range?.[0] ?? 0
      }
      const node = this.#node(path.slice(0, length))
      if (node?.range) return node.range[0]
    }
    return this.#document.contents?.range?.[0] ?? 0
  }

  #node(path: readonly PropertyKey[]): Node | undefined {
    const found: unknown = this.#document.getIn(path, true)
    // yaml's getIn(…, true) returns the node itself, typed unknown.
    return found === null || found === undefined ? undefined : (found as Node)
  }
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`))
    .join('')
}
