import {
  readManifest,
  readManifestList,
  type FileIO,
  type IOOptions,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import { discard } from '../metadata-file.ts'

/**
 * Deletes every file that the table's metadata refers to, data first, so that a purge that was cut short can be told from the
 * metadata what is left. With the table property `gc.enabled` = `false` the data files stay: somebody else may use them.
 */
export async function purgeFiles(
  io: FileIO,
  table: { readonly metadata: TableMetadata; readonly metadataLocation: string },
  options: IOOptions = {},
): Promise<void> {
  const { metadata, metadataLocation } = table
  const { signal } = options
  const deletesData = metadata.properties['gc.enabled']?.toLowerCase() !== 'false'
  const manifests = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    for (const manifest of await readManifestList(io, snapshot, { metadata, signal })) {
      if (manifests.has(manifest.path)) continue
      manifests.add(manifest.path)
      if (!deletesData) continue
      for await (const entry of readManifest(io, manifest, { metadata, signal })) {
        if (entry.status !== 'deleted') await discard(io, entry.file.filePath)
      }
    }
  }
  const statistics = [...metadata.statistics, ...metadata.partitionStatistics].flatMap((entry) => {
    const path = entry['statistics-path']
    return typeof path === 'string' ? [path] : []
  })
  const lists = metadata.snapshots.map((snapshot) => snapshot.manifestList).filter((path) => path !== '')
  const log = metadata.metadataLog.map((entry) => entry.metadataFile)
  for (const path of [...manifests, ...lists, ...statistics, ...log, metadataLocation]) {
    signal?.throwIfAborted()
    await discard(io, path)
  }
}
