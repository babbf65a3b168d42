import type { DataFile } from '../manifest/data-file.ts'
import { ManifestWriter, type NewManifest } from '../manifest/write-manifest.ts'
import { manifestMerging } from './merge-manifests.ts'
import type { ProducerAttempt } from './snapshot-producer.ts'

/** Writes new files into manifests, at least one a spec, none much above the target size. */
export async function writeManifests(
  attempt: ProducerAttempt,
  files: readonly DataFile[],
  options: { readonly content: 'data' | 'deletes'; readonly sequenceNumber?: bigint | undefined },
): Promise<NewManifest[]> {
  const { io, metadata, snapshotId, signal } = attempt
  const { targetBytes } = manifestMerging(metadata.properties)
  const manifests: NewManifest[] = []
  for (const specId of new Set(files.map((file) => file.specId))) {
    let writer: ManifestWriter | undefined
    try {
      for (const file of files) {
        if (file.specId !== specId) continue
        writer ??= await ManifestWriter.create(io, attempt.files.manifestPath(metadata), {
          metadata,
          specId,
          snapshotId,
          content: options.content,
          signal,
        })
        await writer.add(file, options.sequenceNumber)
        if (writer.sizeBytes < targetBytes) continue
        manifests.push(await writer.close())
        writer = undefined
      }
      if (writer !== undefined) manifests.push(await writer.close())
    } catch (cause) {
      await writer?.abort()
      throw cause
    }
  }
  return manifests
}
