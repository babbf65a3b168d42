/** Values that the lake holds otherwise than the source, by column: texts in which half of a surrogate pair was replaced. */
export class Losses {
  readonly #values = new Map<string, bigint>()

  /** For a read that begins again. */
  clear(): void {
    this.#values.clear()
  }

  add(column: string, values: number | bigint): void {
    this.#values.set(column, (this.#values.get(column) ?? 0n) + BigInt(values))
  }

  addAll(others: Readonly<Record<string, bigint>> | undefined): void {
    for (const [column, values] of Object.entries(others ?? {})) this.add(column, values)
  }

  /** Undefined when there are none. */
  get counts(): Readonly<Record<string, bigint>> | undefined {
    return this.#values.size === 0 ? undefined : Object.fromEntries(this.#values)
  }

  /** As a snapshot's summary has them: JSON of the counts, as `icebridge.losses`. */
  get summary(): Readonly<Record<string, string>> {
    const counts = this.counts
    if (counts === undefined) return {}
    const text = Object.fromEntries(Object.entries(counts).map(([column, values]) => [column, values.toString()]))
    return { 'icebridge.losses': JSON.stringify(text) }
  }
}
