import type { Statement } from './ast.ts'
import { parseBatch } from './statements.ts'

const longestKept = 8192

/** Parses batches and keeps the last ones, for clients ask the same again and again. Nothing changes a parsed statement. */
export class BatchParser {
  readonly #kept = new Map<string, readonly Statement[]>()
  readonly #limit: number

  constructor(limit: number = 256) {
    this.#limit = limit
  }

  /** @throws {SandboxSqlError} for what is no T-SQL, each time anew. */
  parse(text: string, options: { readonly quotedIdentifiers: boolean }): readonly Statement[] {
    const key = `${options.quotedIdentifiers ? '"' : "'"}${text}`
    const statements = this.#kept.get(key) ?? parseBatch(text, options)
    if (text.length > longestKept) return statements
    this.#kept.delete(key)
    this.#kept.set(key, statements)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > this.#limit && oldest !== undefined) this.#kept.delete(oldest)
    return statements
  }
}
