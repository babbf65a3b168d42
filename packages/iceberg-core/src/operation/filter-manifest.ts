import type { DataFile } from '../manifest/data-file.ts'
import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import { ManifestWriter } from '../manifest/write-manifest.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import type { AnyManifest } from './merge-manifests.ts'

/** A manifest after files were taken out of it: itself when it has none of them. */
export interface FilteredManifest {
  readonly manifest: AnyManifest
  /** What was taken out, without metrics. */
  readonly removed: readonly DataFile[]
}

/**
 * Marks the files of a manifest that `removes` is true for as deleted, in a new manifest that keeps all other live
 * ones; sequence numbers and row ids stay. A manifest without such a file is read and left as it is. `removes` sees
 * every live entry once or twice, in order.
 */
export async function filterManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: {
    readonly metadata: TableMetadata
    readonly snapshotId: bigint
    /** Called when a new manifest is to be written. */
    readonly path: () => string
    readonly removes: (entry: ManifestEntry) => boolean
    readonly signal: AbortSignal | undefined
  },
): Promise<FilteredManifest> {
  const { metadata, signal, removes } = options
  const removed = new Set<number>()
  let position = 0
  for await (const entry of readManifest(io, manifest, { metadata, signal })) {
    if (entry.status !== 'deleted' && removes(entry)) removed.add(position)
    position++
  }
  if (removed.size === 0) return { manifest, removed: [] }

  const writer = await ManifestWriter.create(io, options.path(), {
    metadata,
    specId: manifest.specId,
    content: manifest.content,
    snapshotId: options.snapshotId,
    signal,
  })
  const files: DataFile[] = []
  try {
    position = 0
    for await (const entry of readManifest(io, manifest, { metadata, signal })) {
      if (removed.has(position++)) {
        await writer.delete(entry)
        files.push(withoutMetrics(entry.file))
      } else if (entry.status !== 'deleted') {
        await writer.existing(entry)
      }
    }
    return { manifest: await writer.close(), removed: files }
  } catch (cause) {
    await writer.abort()
    throw cause
  }
}

/** What is needed to count a file and to tell it from others; metrics would fill the memory of a large removal. */
function withoutMetrics(file: DataFile): DataFile {
  const {
    columnSizes: _,
    valueCounts: _values,
    nullValueCounts: _nulls,
    nanValueCounts: _nans,
    lowerBounds: _lower,
    upperBounds: _upper,
    splitOffsets: _splits,
    ...rest
  } = file
  return rest
}
