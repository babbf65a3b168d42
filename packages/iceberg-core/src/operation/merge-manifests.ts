import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import { ManifestWriter, type NewManifest } from '../manifest/write-manifest.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'

/** A manifest that is in the table already, or one of the snapshot being made. */
export type AnyManifest = ManifestFile | NewManifest

/** When manifests are merged: Iceberg's table properties. */
export interface ManifestMerging {
  readonly enabled: boolean
  readonly targetBytes: number
  readonly minCount: number
}

export function manifestMerging(properties: Readonly<Record<string, string>>): ManifestMerging {
  const read = (name: string, fallback: number): number => {
    const value = Number(properties[name])
    return Number.isFinite(value) && value > 0 ? value : fallback
  }
  return {
    enabled: properties['commit.manifest-merge.enabled']?.toLowerCase() !== 'false',
    targetBytes: read('commit.manifest.target-size-bytes', 8 << 20),
    minCount: read('commit.manifest.min-count-to-merge', 100),
  }
}

/**
 * Groups manifests of one content, newest first as in a manifest list, into the ones that become one manifest each.
 * Groups are filled from the oldest end, so that full ones stay as they are; the newest group waits until it has
 * `minCount` members.
 */
export function groupManifests(manifests: readonly AnyManifest[], merging: ManifestMerging): AnyManifest[][] {
  if (!merging.enabled) return manifests.map((one) => [one])
  const groups: AnyManifest[][] = []
  const specIds = [...new Set(manifests.map((manifest) => manifest.specId))].toSorted((a, b) => b - a)
  for (const specId of specIds) {
    const bins = packFromEnd(
      manifests.filter((manifest) => manifest.specId === specId),
      merging.targetBytes,
    )
    for (const bin of bins) {
      const newest = manifests[0] !== undefined && bin.includes(manifests[0])
      if (newest && bin.length < merging.minCount) groups.push(...bin.map((one) => [one]))
      else groups.push(bin)
    }
  }
  return groups
}

/**
 * Writes one manifest in place of several of one spec and content: live files are kept, entries of files that earlier
 * snapshots deleted are dropped.
 */
export async function mergeManifests(
  io: FileIO,
  group: readonly AnyManifest[],
  options: {
    readonly metadata: TableMetadata
    readonly path: string
    readonly snapshotId: bigint
    /** The data sequence number of the files that the snapshot adds, when it is not the snapshot's own. */
    readonly dataSequenceNumber?: bigint | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<NewManifest> {
  const { metadata, snapshotId, signal } = options
  const writer = await ManifestWriter.create(io, options.path, {
    metadata,
    specId: group[0]?.specId ?? metadata.defaultSpecId,
    content: group[0]?.content ?? 'data',
    snapshotId,
    signal,
  })
  try {
    for (const manifest of group) {
      const own = isNew(manifest)
      for await (const entry of readAny(io, manifest, { metadata, signal })) {
        if (own && entry.status === 'added') await writer.add(entry.file, options.dataSequenceNumber)
        else if (entry.status !== 'deleted') await writer.existing(entry)
        else if (own && entry.snapshotId === snapshotId) await writer.delete(entry)
      }
    }
    return await writer.close()
  } catch (cause) {
    await writer.abort()
    throw cause
  }
}

/** True for a manifest that the snapshot being made has written. */
export function isNew(manifest: AnyManifest): manifest is NewManifest {
  return 'inherits' in manifest
}

/** The sequence number of our own files is not known yet: their entries read as if it were 0. */
function readAny(
  io: FileIO,
  manifest: AnyManifest,
  options: { readonly metadata: TableMetadata; readonly signal: AbortSignal | undefined },
): AsyncGenerator<ManifestEntry, void, undefined> {
  const readable = isNew(manifest) ? { ...manifest, sequenceNumber: 0n, minSequenceNumber: 0n } : manifest
  return readManifest(io, readable, options)
}

function packFromEnd(manifests: readonly AnyManifest[], targetBytes: number): AnyManifest[][] {
  const bins: AnyManifest[][] = []
  let bin: AnyManifest[] = []
  let bytes = 0
  for (const manifest of manifests.toReversed()) {
    const size = Number(manifest.lengthBytes)
    if (bin.length > 0 && bytes + size > targetBytes) {
      bins.push(bin.toReversed())
      bin = []
      bytes = 0
    }
    bin.push(manifest)
    bytes += size
  }
  if (bin.length > 0) bins.push(bin.toReversed())
  return bins.toReversed()
}
