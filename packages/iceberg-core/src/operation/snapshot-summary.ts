import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector } from '../manifest/delete-file.ts'
import { partitionKey } from '../manifest/partition-key.ts'
import type { Snapshot } from '../metadata/snapshot.ts'

/** What a snapshot adds and removes, counted file by file. */
export class SummaryCounts {
  readonly #added = new FileCounts()
  readonly #removed = new FileCounts()
  readonly #partitions = new Set<string>()
  /** Entries of files that were removed more than once over. */
  #duplicates = 0n

  add(file: DataFile): void {
    this.#added.count(file)
    this.#partitions.add(partitionKey(file))
  }

  remove(file: DataFile): void {
    this.#removed.count(file)
    this.#partitions.add(partitionKey(file))
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
      ['deleted-duplicate-files', this.#duplicates],
    ]
    return {
      ...Object.fromEntries(counts.filter(([, count]) => count > 0n).map(([name, count]) => [name, String(count)])),
      'changed-partition-count': String(this.#partitions.size),
      ...total('total-records', parent, added.records - removed.records),
      ...total('total-files-size', parent, added.bytes - removed.bytes),
      ...total('total-data-files', parent, added.dataFiles - removed.dataFiles),
      ...total('total-delete-files', parent, added.deleteFiles - removed.deleteFiles),
      ...total('total-position-deletes', parent, added.positionDeletes - removed.positionDeletes),
      ...total('total-equality-deletes', parent, added.equalityDeletes - removed.equalityDeletes),
    }
  }
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
