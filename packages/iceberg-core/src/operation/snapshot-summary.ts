import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector } from '../manifest/delete-file.ts'
import { partitionKey } from '../manifest/partition-key.ts'
import { sourceType } from '../manifest/partition-type.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { specById, type TableMetadata } from '../metadata/table-metadata.ts'
import { partitionPath } from '../partition/partition-path.ts'
import type { PartitionValue } from '../value/value.ts'

/** Table property: up to how many changed partitions are summed up one by one; 0, and so none, by default. */
const partitionLimitProperty = 'write.summary.partition-limit'

/** What a snapshot adds and removes, counted file by file. */
export class SummaryCounts {
  readonly #metadata: TableMetadata
  readonly #added = new FileCounts()
  readonly #removed = new FileCounts()
  readonly #partitions = new Map<string, PartitionCounts>()
  /** Entries of files that were removed more than once over. */
  #duplicates = 0n

  constructor(metadata: TableMetadata) {
    this.#metadata = metadata
  }

  add(file: DataFile): void {
    this.#added.count(file)
    this.#partition(file).added.count(file)
  }

  remove(file: DataFile): void {
    this.#removed.count(file)
    this.#partition(file).removed.count(file)
  }

  duplicate(): void {
    this.#duplicates++
  }

  /**
   * The fields of a summary: what changed, and the totals carried on from the parent. A total that the parent does not
   * have is not known and stays away. @see https://iceberg.apache.org/spec/#optional-snapshot-summary-fields
   */
  fields(parent: Snapshot | undefined): Readonly<Record<string, string>> {
    const [added, removed] = [this.#added, this.#removed]
    return {
      ...changes(added, removed),
      ...(this.#duplicates === 0n ? {} : { 'deleted-duplicate-files': String(this.#duplicates) }),
      'changed-partition-count': String(this.#partitions.size),
      ...this.#partitionFields(),
      ...total('total-records', parent, added.records - removed.records),
      ...total('total-files-size', parent, added.bytes - removed.bytes),
      ...total('total-data-files', parent, added.dataFiles - removed.dataFiles),
      ...total('total-delete-files', parent, added.deleteFiles - removed.deleteFiles),
      ...total('total-position-deletes', parent, added.positionDeletes - removed.positionDeletes),
      ...total('total-equality-deletes', parent, added.equalityDeletes - removed.equalityDeletes),
    }
  }

  #partitionFields(): Readonly<Record<string, string>> {
    const limit = Number(this.#metadata.properties[partitionLimitProperty] ?? 0)
    if (this.#partitions.size === 0 || !(this.#partitions.size <= limit)) return {}
    const fields: Record<string, string> = { 'partition-summaries-included': 'true' }
    for (const { specId, partition, added, removed } of this.#partitions.values()) {
      const spec = specById(this.#metadata, specId)
      const sources = spec.fields.map((field) => sourceType(this.#metadata, field.sourceIds[0] ?? -1))
      const path = partitionPath(spec, sources, partition)
      const counts = Object.entries(changes(added, removed)).map(([name, count]) => `${name}=${count}`)
      if (path !== '') fields[`partitions.${path}`] = counts.join(',')
    }
    return fields
  }

  #partition(file: DataFile): PartitionCounts {
    const key = partitionKey(file)
    let counts = this.#partitions.get(key)
    if (counts === undefined) {
      const { specId, partition } = file
      counts = { specId, partition, added: new FileCounts(), removed: new FileCounts() }
      this.#partitions.set(key, counts)
    }
    return counts
  }
}

interface PartitionCounts {
  readonly specId: number
  readonly partition: readonly PartitionValue[]
  readonly added: FileCounts
  readonly removed: FileCounts
}

/** What is not zero, by the names that it has in a summary. */
function changes(added: FileCounts, removed: FileCounts): Readonly<Record<string, string>> {
  const counts: readonly (readonly [string, bigint])[] = [
    ['added-data-files', added.dataFiles],
    ['deleted-data-files', removed.dataFiles],
    ['added-delete-files', added.deleteFiles],
    ['removed-delete-files', removed.deleteFiles],
    ['added-equality-delete-files', added.equalityDeleteFiles],
    ['removed-equality-delete-files', removed.equalityDeleteFiles],
    ['added-position-delete-files', added.positionDeleteFiles],
    ['removed-position-delete-files', removed.positionDeleteFiles],
    ['added-dvs', added.deletionVectors],
    ['removed-dvs', removed.deletionVectors],
    ['added-records', added.records],
    ['deleted-records', removed.records],
    ['added-files-size', added.bytes],
    ['removed-files-size', removed.bytes],
    ['added-position-deletes', added.positionDeletes],
    ['removed-position-deletes', removed.positionDeletes],
    ['added-equality-deletes', added.equalityDeletes],
    ['removed-equality-deletes', removed.equalityDeletes],
  ]
  return Object.fromEntries(counts.filter(([, count]) => count > 0n).map(([name, count]) => [name, String(count)]))
}

class FileCounts {
  bytes = 0n
  dataFiles = 0n
  records = 0n
  deleteFiles = 0n
  positionDeleteFiles = 0n
  equalityDeleteFiles = 0n
  deletionVectors = 0n
  positionDeletes = 0n
  equalityDeletes = 0n

  count(file: DataFile): void {
    if (file.content === 'data') {
      this.dataFiles++
      this.records += file.recordCount
      this.bytes += file.fileSizeBytes
      return
    }
    this.deleteFiles++
    // Deletion vectors share files: only their own part counts.
    this.bytes += isDeletionVector(file) ? (file.contentSizeBytes ?? file.fileSizeBytes) : file.fileSizeBytes
    if (file.content === 'equality-deletes') {
      this.equalityDeleteFiles++
      this.equalityDeletes += file.recordCount
      return
    }
    if (isDeletionVector(file)) this.deletionVectors++
    else this.positionDeleteFiles++
    this.positionDeletes += file.recordCount
  }
}

function total(name: string, parent: Snapshot | undefined, change: bigint): Readonly<Record<string, string>> {
  const before = parent === undefined ? '0' : parent.summary[name]
  if (before === undefined || !/^\d+$/.test(before)) return {}
  const after = BigInt(before) + change
  return after < 0n ? {} : { [name]: String(after) }
}
