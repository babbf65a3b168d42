import { type Cursor, damaged } from '../avro/cursor.ts'
import type { PartitionValue } from '../value/value.ts'
import type { DataFile, FileContent, FileFormat } from './data-file.ts'
import type { DecodeMetrics, EntryFieldLayout, EntryLayout } from './entry-layout.ts'
import { entryField } from './manifest-avro.ts'
import type { EntryStatus, ManifestEntry } from './manifest-entry.ts'
import type { ManifestFile } from './manifest-file.ts'

/** What a file's entry says of its columns. */
export type FileMetrics = Pick<
  DataFile,
  'recordCount' | 'valueCounts' | 'nullValueCounts' | 'nanValueCounts' | 'lowerBounds' | 'upperBounds'
>

/**
 * One entry of a manifest at a time: `next` moves to it, and what is asked for after that is decoded then. So files that
 * a scan does not want cost little.
 */
export class EntryReader {
  readonly #layout: EntryLayout
  readonly #manifest: ManifestFile
  readonly #cursor: Cursor
  /** Where each field of the entry begins. */
  readonly #offsets: Int32Array

  constructor(layout: EntryLayout, manifest: ManifestFile, cursor: Cursor) {
    this.#layout = layout
    this.#manifest = manifest
    this.#cursor = cursor
    this.#offsets = new Int32Array(layout.slots)
  }

  /** Moves over the next entry, checking that all of it is there. */
  next(): void {
    const cursor = this.#cursor
    const offsets = this.#offsets
    for (const step of this.#layout.steps) {
      if (step.slot !== -1) offsets[step.slot] = cursor.at
      step.skip(cursor)
    }
  }

  get status(): EntryStatus {
    const code = this.#int(entryField.status)
    if (code === 0) return 'existing'
    if (code === 1) return 'added'
    if (code === 2) return 'deleted'
    throw damaged(`${code ?? 'null'} is not the status of a manifest entry`)
  }

  get content(): FileContent {
    const code = this.#int(entryField.content) ?? 0
    if (code === 0) return 'data'
    if (code === 1) return 'position-deletes'
    if (code === 2) return 'equality-deletes'
    throw damaged(`${code} is not the content of a file`)
  }

  get recordCount(): bigint {
    return required(this.#long(entryField.recordCount), 'record_count')
  }

  get firstRowId(): bigint | undefined {
    return this.#long(entryField.firstRowId)
  }

  partition(): readonly PartitionValue[] {
    const { partition } = this.#layout
    if (partition === undefined) throw damaged('a file has no partition')
    return this.#at(partition.slot, partition.decode)
  }

  /** The metrics of some columns, without bounds and counts of others. */
  metricsOf(columns: ReadonlySet<number>): FileMetrics {
    const metrics: Mutable<FileMetrics> = { recordCount: this.recordCount }
    this.#addMetrics(metrics, columns)
    return metrics
  }

  /** The whole entry; without column metrics when they are not wanted. */
  entry(
    known: {
      readonly status: EntryStatus
      readonly content: FileContent
      readonly partition: readonly PartitionValue[]
    },
    options: { readonly stats: boolean; readonly firstRowId: bigint | undefined },
  ): ManifestEntry {
    const { status } = known
    const own = this.#long(entryField.sequenceNumber)
    const ownFile = this.#long(entryField.fileSequenceNumber)
    const manifest = this.#manifest
    // Only added files inherit; version 1 has no numbers at all and its manifests have sequence number 0.
    const inherited = status === 'added' || manifest.sequenceNumber === 0n ? manifest.sequenceNumber : undefined
    const sequenceNumber = own ?? inherited
    if (sequenceNumber === undefined) throw damaged('a file that is not new has no sequence number')
    return {
      status,
      snapshotId: this.#long(entryField.snapshotId) ?? manifest.addedSnapshotId,
      sequenceNumber,
      // Some writers of version 2 leave it out for existing files; it is then no lower than the data sequence number.
      fileSequenceNumber: ownFile ?? inherited ?? sequenceNumber,
      file: this.#file(known, options),
    }
  }

  #file(
    known: { readonly content: FileContent; readonly partition: readonly PartitionValue[] },
    options: { readonly stats: boolean; readonly firstRowId: bigint | undefined },
  ): DataFile {
    const f = entryField
    const manifest = this.#manifest
    const file: Mutable<DataFile> = {
      content: known.content,
      filePath: required(this.#string(f.filePath), 'file_path'),
      fileFormat: formatOf(required(this.#string(f.fileFormat), 'file_format')),
      specId: manifest.specId,
      partition: known.partition,
      recordCount: this.recordCount,
      fileSizeBytes: required(this.#long(f.fileSize), 'file_size_in_bytes'),
    }
    if (options.stats) {
      const columnSizes = this.#counts(f.columnSizes, undefined)
      if (columnSizes !== undefined) file.columnSizes = columnSizes
      this.#addMetrics(file, undefined)
    }
    const keyMetadata = this.#bytes(f.keyMetadata)
    if (keyMetadata !== undefined) file.keyMetadata = keyMetadata
    const splitOffsets = this.#list(f.splitOffsets, toBigInt)
    if (splitOffsets !== undefined) file.splitOffsets = splitOffsets
    const equalityIds = this.#list(f.equalityIds, toNumber)
    if (equalityIds !== undefined) file.equalityIds = equalityIds
    const sortOrderId = this.#int(f.sortOrderId)
    if (sortOrderId !== undefined) file.sortOrderId = sortOrderId
    if (options.firstRowId !== undefined) file.firstRowId = options.firstRowId
    const referencedDataFile = this.#string(f.referencedDataFile)
    if (referencedDataFile !== undefined) file.referencedDataFile = referencedDataFile
    const contentOffset = this.#long(f.contentOffset)
    if (contentOffset !== undefined) file.contentOffset = contentOffset
    const contentSizeBytes = this.#long(f.contentSize)
    if (contentSizeBytes !== undefined) file.contentSizeBytes = contentSizeBytes
    return file
  }

  #addMetrics(file: Mutable<FileMetrics>, columns: ReadonlySet<number> | undefined): void {
    const f = entryField
    const valueCounts = this.#counts(f.valueCounts, columns)
    if (valueCounts !== undefined) file.valueCounts = valueCounts
    const nullValueCounts = this.#counts(f.nullValueCounts, columns)
    if (nullValueCounts !== undefined) file.nullValueCounts = nullValueCounts
    const nanValueCounts = this.#counts(f.nanValueCounts, columns)
    if (nanValueCounts !== undefined) file.nanValueCounts = nanValueCounts
    const lowerBounds = this.#bounds(f.lowerBounds, columns)
    if (lowerBounds !== undefined) file.lowerBounds = lowerBounds
    const upperBounds = this.#bounds(f.upperBounds, columns)
    if (upperBounds !== undefined) file.upperBounds = upperBounds
  }

  #at<T>(slot: number, decode: (cursor: Cursor) => T): T {
    const cursor = this.#cursor
    const after = cursor.at
    cursor.at = this.#offsets[slot] ?? after
    const value = decode(cursor)
    cursor.at = after
    return value
  }

  #value(id: number): unknown {
    const field = this.#layout.fields.get(id)
    return field === undefined ? undefined : (this.#at(field.slot, field.decode) ?? undefined)
  }

  #int(id: number): number | undefined {
    return toOptional(this.#value(id), toNumber, id, 'an int')
  }

  #long(id: number): bigint | undefined {
    return toOptional(this.#value(id), toBigInt, id, 'a long')
  }

  #string(id: number): string | undefined {
    return toOptional(this.#value(id), (value) => (typeof value === 'string' ? value : undefined), id, 'a string')
  }

  #bytes(id: number): Uint8Array | undefined {
    return toOptional(this.#value(id), toBytes, id, 'bytes')
  }

  #list<T>(id: number, to: (value: unknown) => T | undefined): readonly T[] | undefined {
    const items = this.#value(id)
    if (items === undefined) return undefined
    if (!Array.isArray(items)) throw damaged(`field ${id} is not a list`)
    return items.map((item) => {
      const value = to(item)
      if (value === undefined) throw damaged(`field ${id} is not a list of the right type`)
      return value
    })
  }

  #counts(id: number, columns: ReadonlySet<number> | undefined): ReadonlyMap<number, bigint> | undefined {
    const field = this.#layout.counts.get(id)
    return field === undefined ? undefined : this.#metrics(field, columns)
  }

  #bounds(id: number, columns: ReadonlySet<number> | undefined): ReadonlyMap<number, Uint8Array> | undefined {
    const field = this.#layout.bounds.get(id)
    return field === undefined ? undefined : this.#metrics(field, columns)
  }

  #metrics<T>(
    field: EntryFieldLayout<DecodeMetrics<T>>,
    columns: ReadonlySet<number> | undefined,
  ): ReadonlyMap<number, T> | undefined {
    const cursor = this.#cursor
    const after = cursor.at
    cursor.at = this.#offsets[field.slot] ?? after
    const map = field.decode(cursor, columns)
    cursor.at = after
    return map
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw damaged(`a file has no ${name}`)
  return value
}

function toOptional<T>(
  value: unknown,
  to: (value: unknown) => T | undefined,
  id: number,
  expected: string,
): T | undefined {
  if (value === undefined) return undefined
  const typed = to(value)
  if (typed === undefined) throw damaged(`field ${id} is not ${expected}`)
  return typed
}

/** An int where a long is due is no harm, nor a small long where an int is. */
function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  return typeof value === 'bigint' ? value : undefined
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'bigint' && BigInt.asIntN(32, value) === value) return Number(value)
  return typeof value === 'number' ? value : undefined
}

function toBytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

function formatOf(text: string): FileFormat {
  const format = text.toLowerCase()
  if (format === 'parquet' || format === 'avro' || format === 'orc' || format === 'puffin') return format
  throw damaged(`file format ${text} is not known`)
}
