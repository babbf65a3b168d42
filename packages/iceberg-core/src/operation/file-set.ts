import { filterOrder } from '../expression/filter-order.ts'
import { decodeBounds } from '../expression/range.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { fileKey } from '../manifest/file-key.ts'
import type { FieldSummary, ManifestFile } from '../manifest/manifest-file.ts'
import { partitionKey } from '../manifest/partition-key.ts'
import { type PartitionFieldType, partitionTypes } from '../manifest/partition-type.ts'
import { specById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { PartitionValue } from '../value/value.ts'

/** Files to be found in manifests, with the partitions they are in, so that few manifests need to be read. */
export class FileSet {
  readonly #files = new Map<string, DataFile>()
  /** Distinct partitions of each spec. */
  readonly #partitions = new Map<number, Map<string, readonly PartitionValue[]>>()

  constructor(files: Iterable<DataFile> = []) {
    for (const file of files) this.add(file)
  }

  get size(): number {
    return this.#files.size
  }

  add(file: DataFile): void {
    this.#files.set(fileKey(file), file)
    const partitions = this.#partitions.get(file.specId) ?? new Map<string, readonly PartitionValue[]>()
    partitions.set(partitionKey(file), file.partition)
    this.#partitions.set(file.specId, partitions)
  }

  has(file: DataFile): boolean {
    return this.#files.has(fileKey(file))
  }

  hasPath(path: string): boolean {
    return this.#files.has(path)
  }

  keys(): string[] {
    return [...this.#files.keys()]
  }

  files(): DataFile[] {
    return [...this.#files.values()]
  }

  /** False only when the manifest's partition summaries show that it has no file of one of these partitions. */
  mayShareManifest(manifest: Pick<ManifestFile, 'specId' | 'partitions'>, metadata: TableMetadata): boolean {
    const partitions = this.#partitions.get(manifest.specId)
    if (partitions === undefined) return false
    const { partitions: summaries = [] } = manifest
    const types = partitionTypes(metadata, specById(metadata, manifest.specId))
    const fields = summaries.map((summary, at) => valueTest(summary, types[at]))
    return [...partitions.values()].some((partition) => fields.every((mayHold, at) => mayHold(partition[at] ?? null)))
  }
}

/** False only when no partition of the summary has the value. */
function valueTest(summary: FieldSummary, type: PartitionFieldType): (value: PartitionValue) => boolean {
  const { lower, upper } = type === undefined ? {} : decodeBounds(type, summary.lowerBound, summary.upperBound)
  return (value) => {
    if (value === null) return summary.containsNull
    if (typeof value === 'number' && Number.isNaN(value)) return summary.containsNaN !== false
    if (type === undefined) return true
    if (lower !== undefined && filterOrder(type, value, lower) < 0) return false
    return upper === undefined || filterOrder(type, value, upper) <= 0
  }
}
