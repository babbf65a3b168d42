import { type AvroFile, forEachRecord, openAvroFile } from '../avro/avro-reader.ts'
import { specById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import type { PartitionValue } from '../value/value.ts'
import { type EntryLayout, entryLayout } from './entry-layout.ts'
import { EntryReader, type FileMetrics } from './entry-reader.ts'
import type { ManifestEntry } from './manifest-entry.ts'
import type { ManifestFile } from './manifest-file.ts'
import { partitionTypes } from './partition-type.ts'

export interface ManifestReadOptions {
  readonly metadata: TableMetadata
  readonly signal?: AbortSignal | undefined
}

/** Which entries of a manifest are wanted: the others are passed over without being decoded. */
export interface EntrySelection {
  /** Entries of deleted files are left out. */
  readonly live?: boolean | undefined
  readonly partition?: ((partition: readonly PartitionValue[]) => boolean) | undefined
  /** A test of data files by the metrics of some columns; delete files all pass. */
  readonly metrics?:
    | { readonly columns: ReadonlySet<number>; readonly test: (file: FileMetrics) => boolean }
    | undefined
  /** False when the column metrics of the files are not needed, and left out. */
  readonly stats?: boolean | undefined
}

/**
 * The entries of a manifest of any format version, in file order, deleted ones included, pulled as they are needed.
 *
 * Sequence numbers, snapshot id and first row id that an entry does not have are inherited from `manifest`, which is
 * what the manifest list says. The file's own key-value metadata is not needed: it may be missing.
 *
 * @throws IcebergError `malformed-manifest` naming file and position; `not-found`; `unsupported-encryption`.
 * @see https://iceberg.apache.org/spec/#sequence-number-inheritance
 */
export async function* readManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: ManifestReadOptions,
): AsyncGenerator<ManifestEntry, void, undefined> {
  for await (const page of openManifest(io, manifest, options).pages()) {
    for (const entry of page) {
      options.signal?.throwIfAborted()
      yield entry
    }
  }
}

/** A manifest whose first bytes are on their way. */
export interface OpenManifest {
  readonly manifest: ManifestFile
  /** The wanted entries in file order, as many at a time as a block of the file has, to be pulled once. */
  readonly pages: (selection?: EntrySelection) => AsyncGenerator<readonly ManifestEntry[], void, undefined>
}

/** Begins to read a manifest. Errors come when the pages are pulled. */
export function openManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: ManifestReadOptions & { readonly firstBytes?: number | undefined },
): OpenManifest {
  const { metadata, signal, firstBytes } = options
  const opened = openAvroFile(io, manifest.path, { firstBytes, signal })
  // Nobody may come to wait for it, when a scan ends early.
  opened.catch(() => undefined)
  return {
    manifest,
    pages: async function* (selection = {}) {
      const file = await opened
      const reader = new PageReader(file, manifest, { metadata, selection })
      yield* file.blocks((cursor, count) => {
        signal?.throwIfAborted()
        return reader.read(cursor, count)
      })
    },
  }
}

/** Decodes the wanted entries of block after block. */
class PageReader {
  readonly #file: AvroFile
  readonly #manifest: ManifestFile
  readonly #metadata: TableMetadata
  readonly #selection: EntrySelection
  #layout: EntryLayout | undefined
  #nextRowId: bigint | undefined

  constructor(
    file: AvroFile,
    manifest: ManifestFile,
    options: { readonly metadata: TableMetadata; readonly selection: EntrySelection },
  ) {
    this.#file = file
    this.#manifest = manifest
    this.#metadata = options.metadata
    this.#selection = options.selection
    this.#nextRowId = manifest.firstRowId
  }

  read(cursor: ConstructorParameters<typeof EntryReader>[2], count: number): readonly ManifestEntry[] {
    // Made here, so that an error in the schema is one of the file.
    this.#layout ??= this.#readLayout()
    const reader = new EntryReader(this.#layout, this.#manifest, cursor)
    const entries: ManifestEntry[] = []
    forEachRecord(cursor, count, () => {
      reader.next()
      const entry = this.#select(reader)
      if (entry !== undefined) entries.push(entry)
    })
    return entries
  }

  #readLayout(): EntryLayout {
    const spec = specById(this.#metadata, this.#manifest.specId)
    return entryLayout(this.#file.schema, { spec, types: partitionTypes(this.#metadata, spec) })
  }

  #select(reader: EntryReader): ManifestEntry | undefined {
    const { live, partition: partitionTest, metrics, stats = true } = this.#selection
    const { status, content } = reader
    const firstRowId = this.#rowIdOf(reader, status, content)
    if (live === true && status === 'deleted') return undefined
    const partition = reader.partition()
    if (partitionTest?.(partition) === false) return undefined
    if (metrics !== undefined && content === 'data' && !metrics.test(reader.metricsOf(metrics.columns)))
      return undefined
    return reader.entry({ status, content, partition }, { stats, firstRowId })
  }

  /** Every file without an id takes the next ones, deleted entries excepted: they no longer have rows. */
  #rowIdOf(
    reader: EntryReader,
    status: ManifestEntry['status'],
    content: ManifestEntry['file']['content'],
  ): bigint | undefined {
    const own = reader.firstRowId
    if (own !== undefined || this.#nextRowId === undefined || content !== 'data' || status === 'deleted') return own
    const inherited = this.#nextRowId
    this.#nextRowId += reader.recordCount
    return inherited
  }
}
