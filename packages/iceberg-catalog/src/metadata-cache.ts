import type { TableMetadata } from '@icebridge/iceberg-core'

/**
 * Parsed metadata of the files that were used last. A metadata file never changes, so its location is all that decides: a
 * refresh of a table that nobody changed reads no file.
 */
export class MetadataCache {
  readonly #entries = new Map<string, TableMetadata>()
  readonly #capacity: number

  /** `capacity` in files; 0 keeps nothing. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(location: string): TableMetadata | undefined {
    const metadata = this.#entries.get(location)
    if (metadata !== undefined) this.set(location, metadata)
    return metadata
  }

  set(location: string, metadata: TableMetadata): void {
    this.#entries.delete(location)
    this.#entries.set(location, metadata)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > this.#capacity && oldest !== undefined) this.#entries.delete(oldest)
  }

  delete(location: string): void {
    this.#entries.delete(location)
  }
}
