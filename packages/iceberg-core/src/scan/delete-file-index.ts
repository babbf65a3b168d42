import { IcebergError } from '../errors.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector, onlyDataFileOf, positionDeletesTest } from '../manifest/delete-file.ts'
import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import { partitionKey } from '../manifest/partition-key.ts'
import { specById, type TableMetadata } from '../metadata/table-metadata.ts'
import { EqualityOverlap } from './equality-overlap.ts'

/** What decides which deletes apply to a data file. */
export type DataEntry = Pick<ManifestEntry, 'file' | 'sequenceNumber'>

/** A delete file and which data files of its scope it may hold deletes for. */
interface ScopedDelete {
  readonly file: DataFile
  readonly sequenceNumber: bigint
  readonly mightDelete: (file: DataFile) => boolean
}

const always = (): boolean => true

/**
 * The delete files of a snapshot, found by the data files that they apply to.
 *
 * Holds one entry for every delete file added: memory grows with the delete files that a scan's partitions have, never
 * with the data files.
 *
 * @see https://iceberg.apache.org/spec/#scan-planning
 */
export class DeleteFileIndex {
  readonly #metadata: TableMetadata
  readonly #vectors = new Map<string, ScopedDelete[]>()
  readonly #positionsByPath = new Map<string, DeletesBySequence>()
  readonly #positionsByPartition = new Map<string, DeletesBySequence>()
  readonly #equalityByPartition = new Map<string, DeletesBySequence>()
  readonly #globalEquality = new DeletesBySequence()
  #size = 0

  constructor(metadata: TableMetadata) {
    this.#metadata = metadata
  }

  /** Delete files in the index. */
  get size(): number {
    return this.#size
  }

  /** @throws IcebergError `malformed-manifest` for a deletion vector that does not say what it is for or where it is. */
  add(entry: DataEntry): void {
    this.#size++
    const { file, sequenceNumber } = entry
    if (file.content === 'equality-deletes') this.#addEquality(file, sequenceNumber)
    else if (isDeletionVector(file)) this.#addVector(file, sequenceNumber)
    else this.#addPositions(file, sequenceNumber)
  }

  /**
   * The delete files that apply to a data file: equality deletes of later commits, and position deletes of the same or
   * later ones, oldest first; in place of the latter the deletion vector where there is one.
   *
   * @throws IcebergError `malformed-manifest` when two deletion vectors are in force for the file.
   */
  forFile(entry: DataEntry): readonly DataFile[] {
    if (this.#size === 0) return []
    const { file, sequenceNumber } = entry
    const found: DataFile[] = []
    this.#globalEquality.collect(found, file, sequenceNumber + 1n)
    const key = this.#equalityByPartition.size + this.#positionsByPartition.size === 0 ? undefined : partitionKey(file)
    if (key !== undefined) this.#equalityByPartition.get(key)?.collect(found, file, sequenceNumber + 1n)
    const vector = this.#vectorFor(entry)
    if (vector !== undefined) {
      found.push(vector)
      return found
    }
    if (key !== undefined) this.#positionsByPartition.get(key)?.collect(found, file, sequenceNumber)
    this.#positionsByPath.get(file.filePath)?.collect(found, file, sequenceNumber)
    return found
  }

  #addEquality(file: DataFile, sequenceNumber: bigint): void {
    if (file.equalityIds === undefined || file.equalityIds.length === 0) {
      throw new IcebergError('malformed-manifest', `equality delete file ${file.filePath} names no columns`, {
        context: { file: file.filePath },
        hint: 'The writer of the file is at fault: its deletes cannot be read. Roll back to a snapshot before it.',
      })
    }
    const overlap = new EqualityOverlap(this.#metadata, file)
    const scoped = { file, sequenceNumber, mightDelete: (data: DataFile): boolean => overlap.mightDelete(data) }
    if (this.#isGlobal(file)) this.#globalEquality.add(scoped)
    else bucketOf(this.#equalityByPartition, partitionKey(file)).add(scoped)
  }

  /** Fields that were dropped from version 1 specs stay as void ones: they do not partition. */
  #isGlobal(file: DataFile): boolean {
    return specById(this.#metadata, file.specId).fields.every(({ transform }) => transform.kind === 'void')
  }

  #addVector(file: DataFile, sequenceNumber: bigint): void {
    const { referencedDataFile, contentOffset, contentSizeBytes } = file
    if (referencedDataFile === undefined || contentOffset === undefined || contentSizeBytes === undefined) {
      const missing = referencedDataFile === undefined ? 'referenced_data_file' : 'content_offset or its size'
      throw new IcebergError('malformed-manifest', `the deletion vector in ${file.filePath} has no ${missing}`, {
        context: { file: file.filePath, referencedDataFile },
        hint: 'The writer of the file is at fault: its deletes cannot be read. Roll back to a snapshot before it.',
      })
    }
    const vectors = this.#vectors.get(referencedDataFile)
    const scoped = { file, sequenceNumber, mightDelete: always }
    if (vectors === undefined) this.#vectors.set(referencedDataFile, [scoped])
    else vectors.push(scoped)
  }

  #vectorFor({ file, sequenceNumber }: DataEntry): DataFile | undefined {
    const inForce = this.#vectors.get(file.filePath)?.filter((vector) => vector.sequenceNumber >= sequenceNumber)
    if (inForce === undefined || inForce.length < 2) return inForce?.[0]?.file
    throw new IcebergError('malformed-manifest', `data file ${file.filePath} has ${inForce.length} deletion vectors`, {
      context: { file: file.filePath, vectors: inForce.map((vector) => vector.file.filePath).join(', ') },
      hint: 'A snapshot may hold one for each data file. Roll back to a snapshot before the faulty commit.',
    })
  }

  #addPositions(file: DataFile, sequenceNumber: bigint): void {
    const path = onlyDataFileOf(file)
    if (path !== undefined) {
      bucketOf(this.#positionsByPath, path).add({ file, sequenceNumber, mightDelete: always })
      return
    }
    const mightDelete = positionDeletesTest(file)
    bucketOf(this.#positionsByPartition, partitionKey(file)).add({ file, sequenceNumber, mightDelete })
  }
}

/** Delete files of one scope by sequence number. */
class DeletesBySequence {
  readonly #deletes: ScopedDelete[] = []
  #sorted = true

  add(scoped: ScopedDelete): void {
    const last = this.#deletes.at(-1)
    if (last !== undefined && last.sequenceNumber > scoped.sequenceNumber) this.#sorted = false
    this.#deletes.push(scoped)
  }

  /** Adds to `found` the deletes of `minSequenceNumber` and later, oldest first, that may hold some for the file. */
  collect(found: DataFile[], file: DataFile, minSequenceNumber: bigint): void {
    this.#sort()
    for (let at = this.#firstFrom(minSequenceNumber); at < this.#deletes.length; at++) {
      const scoped = this.#deletes[at]
      if (scoped?.mightDelete(file) === true) found.push(scoped.file)
    }
  }

  #sort(): void {
    if (this.#sorted) return
    this.#deletes.sort((a, b) =>
      a.sequenceNumber < b.sequenceNumber ? -1 : a.sequenceNumber > b.sequenceNumber ? 1 : 0,
    )
    this.#sorted = true
  }

  #firstFrom(sequenceNumber: bigint): number {
    let low = 0
    let high = this.#deletes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = this.#deletes[middle]
      if (at !== undefined && at.sequenceNumber < sequenceNumber) low = middle + 1
      else high = middle
    }
    return low
  }
}

function bucketOf(map: Map<string, DeletesBySequence>, key: string): DeletesBySequence {
  let bucket = map.get(key)
  if (bucket === undefined) {
    bucket = new DeletesBySequence()
    map.set(key, bucket)
  }
  return bucket
}
