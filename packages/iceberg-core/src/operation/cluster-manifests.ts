import type { DataFile } from '../manifest/data-file.ts'
import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { partitionKey } from '../manifest/partition-key.ts'
import { type PartitionFieldType, partitionTypes } from '../manifest/partition-type.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import { ManifestWriter, type NewManifest } from '../manifest/write-manifest.ts'
import { specById } from '../metadata/table-metadata.ts'
import { compareStrings, compareValues } from '../value/compare.ts'
import type { PartitionValue } from '../value/value.ts'
import type { ProducerAttempt } from './snapshot-producer.ts'

/**
 * Writes the live files of manifests of one spec and content into manifests of about the target size, such that the
 * files of a cluster stand together and neighbouring clusters too.
 */
export async function clusterManifests(
  attempt: ProducerAttempt,
  group: readonly ManifestFile[],
  options: {
    /** By partition when absent. */
    readonly clusterBy: ((file: DataFile) => string) | undefined
    readonly targetBytes: number
  },
): Promise<NewManifest[]> {
  const { metadata } = attempt
  const [first] = group
  if (first === undefined) return []
  const clusterBy = options.clusterBy ?? partitionKey
  const clusters = new Map<string, Cluster>()
  let files = 0
  for await (const { file } of liveEntries(attempt, group)) {
    const key = clusterBy(file)
    const cluster = clusters.get(key) ?? { key, partition: file.partition, files: 0 }
    cluster.files++
    clusters.set(key, cluster)
    files++
  }
  const types = partitionTypes(metadata, specById(metadata, first.specId))
  const order = options.clusterBy === undefined ? byPartition(types) : byKey
  const bytes = group.reduce((sum, manifest) => sum + Number(manifest.lengthBytes), 0)
  const places = placeClusters([...clusters.values()].toSorted(order), (options.targetBytes * files) / bytes)

  const outputs = new Outputs(attempt, first, options.targetBytes)
  try {
    for await (const entry of liveEntries(attempt, group)) {
      await outputs.write(places.get(clusterBy(entry.file)) ?? 0, entry)
    }
    return await outputs.close()
  } catch (cause) {
    await outputs.abort()
    throw cause
  }
}

interface Cluster {
  readonly key: string
  readonly partition: readonly PartitionValue[]
  files: number
}

/** Which output each cluster goes to: as many clusters after one another as make up a full one. */
function placeClusters(clusters: readonly Cluster[], filesAnOutput: number): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  let place = 0
  let files = 0
  for (const cluster of clusters) {
    if (files > 0 && files + cluster.files > filesAnOutput) {
      place++
      files = 0
    }
    places.set(cluster.key, place)
    files += cluster.files
  }
  return places
}

/** The manifests being written, one an output; a full one is closed and another begun. */
class Outputs {
  readonly #attempt: ProducerAttempt
  readonly #like: ManifestFile
  readonly #targetBytes: number
  readonly #open = new Map<number, ManifestWriter>()
  readonly #closed: { readonly place: number; readonly manifest: NewManifest }[] = []

  constructor(attempt: ProducerAttempt, like: ManifestFile, targetBytes: number) {
    this.#attempt = attempt
    this.#like = like
    this.#targetBytes = targetBytes
  }

  async write(place: number, entry: ManifestEntry): Promise<void> {
    const writer = this.#open.get(place) ?? (await this.#create())
    this.#open.set(place, writer)
    await writer.existing(entry)
    if (writer.sizeBytes < this.#targetBytes) return
    this.#open.delete(place)
    this.#closed.push({ place, manifest: await writer.close() })
  }

  async close(): Promise<NewManifest[]> {
    for (const [place, writer] of this.#open) this.#closed.push({ place, manifest: await writer.close() })
    this.#open.clear()
    return this.#closed.toSorted((a, b) => a.place - b.place).map(({ manifest }) => manifest)
  }

  async abort(): Promise<void> {
    for (const writer of this.#open.values()) await writer.abort()
  }

  async #create(): Promise<ManifestWriter> {
    const { io, metadata, files, snapshotId, signal } = this.#attempt
    const { specId, content } = this.#like
    return await ManifestWriter.create(io, files.manifestPath(metadata), {
      metadata,
      specId,
      snapshotId,
      content,
      signal,
    })
  }
}

async function* liveEntries(
  attempt: ProducerAttempt,
  group: readonly ManifestFile[],
): AsyncGenerator<ManifestEntry, void, undefined> {
  const { io, metadata, signal } = attempt
  for (const manifest of group) {
    for await (const entry of readManifest(io, manifest, { metadata, signal })) {
      if (entry.status !== 'deleted') yield entry
    }
  }
}

function byKey(a: Cluster, b: Cluster): number {
  return compareStrings(a.key, b.key)
}

/** Field by field, nulls first. */
function byPartition(types: readonly PartitionFieldType[]): (a: Cluster, b: Cluster) => number {
  return (a, b) => {
    for (const [at, type] of types.entries()) {
      const [left = null, right = null] = [a.partition[at], b.partition[at]]
      if (left === null || right === null) {
        if (left !== right) return left === null ? -1 : 1
        continue
      }
      const order = type === undefined ? 0 : compareValues(type, left, right)
      if (order !== 0) return order
    }
    return 0
  }
}
