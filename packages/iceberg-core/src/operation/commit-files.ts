import { metadataFolder } from '../metadata/table-locations.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'

/** The metadata files that one commit writes over all its attempts: names them, and deletes what is not used. */
export class CommitFiles {
  readonly #io: FileIO
  readonly #commitId: string
  readonly #written = new Set<string>()
  #manifests = 0

  /** `commitId` is unique: it names the files. */
  constructor(io: FileIO, commitId: string) {
    this.#io = io
    this.#commitId = commitId
  }

  manifestPath(metadata: TableMetadata): string {
    return this.#noted(`${metadataFolder(metadata)}/${this.#commitId}-m${this.#manifests++}.avro`)
  }

  manifestListPath(
    metadata: TableMetadata,
    snapshot: { readonly snapshotId: bigint; readonly attempt: number },
  ): string {
    const { snapshotId, attempt } = snapshot
    return this.#noted(`${metadataFolder(metadata)}/snap-${snapshotId}-${attempt}-${this.#commitId}.avro`)
  }

  /** Deletes what was written for attempts that failed, and manifests that went into other ones. */
  async deleteUnused(used: ReadonlySet<string>): Promise<void> {
    for (const path of this.#written) if (!used.has(path)) await this.delete(path)
  }

  async deleteAll(): Promise<void> {
    for (const path of this.#written) await this.delete(path)
  }

  /** Best effort: a file that stays behind is an orphan and does no harm. */
  async delete(path: string): Promise<void> {
    this.#written.delete(path)
    try {
      await this.#io.delete(path)
    } catch {
      // See above.
    }
  }

  #noted(path: string): string {
    this.#written.add(path)
    return path
  }
}
