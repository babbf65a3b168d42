import { avroName } from '../avro/avro-schema.ts'
import { AvroWriter } from '../avro/avro-writer.ts'
import { IcebergError } from '../errors.ts'
import { stringifyJsonLossless } from '../json/lossless-json.ts'
import { currentSchema, specById, type TableMetadata } from '../metadata/table-metadata.ts'
import { partitionFieldsToJson } from '../partition/partition-spec-json.ts'
import { formatTransform } from '../partition/transform.ts'
import type { FileIO } from '../port/file-io.ts'
import { schemaToJson } from '../schema/schema-json.ts'
import type { DataFile } from './data-file.ts'
import { entrySchema } from './manifest-avro.ts'
import { manifestCodec } from './manifest-codec.ts'
import type { EntryStatus, ManifestEntry } from './manifest-entry.ts'
import type { ManifestFile } from './manifest-file.ts'
import { type PartitionFieldType, partitionTypes } from './partition-type.ts'
import { PartitionSummary } from './partition-summary.ts'
import { partitionValueToAvro } from './partition-value-avro.ts'

/**
 * A manifest that is written but in no snapshot yet. Its sequence numbers are known only when a manifest list is
 * written, so that a retried commit can use it again.
 */
export interface NewManifest extends Omit<ManifestFile, 'sequenceNumber' | 'minSequenceNumber' | 'firstRowId'> {
  /** Lowest explicit data sequence number of its live files; `undefined` when all of them inherit. */
  readonly minExplicitSequenceNumber: bigint | undefined
  /** True when some live file inherits the sequence number of the snapshot to come. */
  readonly inherits: boolean
  /** Rows of live files that have no row ids yet, and so take the next ones in format version 3. */
  readonly rowsWithoutIds: bigint
}

const statusCodes: Readonly<Record<EntryStatus, number>> = { existing: 0, added: 1, deleted: 2 }

/** Writes one manifest of a table, entry by entry, for a snapshot that is to be committed. */
export class ManifestWriter {
  readonly path: string
  readonly #avro: AvroWriter
  readonly #spec: ReturnType<typeof specById>
  readonly #types: readonly PartitionFieldType[]
  readonly #content: 'data' | 'deletes'
  readonly #snapshotId: bigint
  readonly #summaries: readonly PartitionSummary[]
  readonly #files = { existing: 0, added: 0, deleted: 0 }
  readonly #rows = { existing: 0n, added: 0n, deleted: 0n }
  #minExplicit: bigint | undefined
  #inherits = false
  #rowsWithoutIds = 0n

  private constructor(
    path: string,
    avro: AvroWriter,
    table: { readonly metadata: TableMetadata; readonly specId: number; readonly snapshotId: bigint },
    content: 'data' | 'deletes',
  ) {
    this.path = path
    this.#avro = avro
    this.#spec = specById(table.metadata, table.specId)
    this.#types = partitionTypes(table.metadata, this.#spec)
    this.#content = content
    this.#snapshotId = table.snapshotId
    this.#summaries = this.#types.map((type) => new PartitionSummary(type))
  }

  /** @throws IcebergError `unsupported-format-version` for version 1, `unsupported-transform`, `already-exists`, `io`. */
  static async create(
    io: FileIO,
    path: string,
    options: {
      readonly metadata: TableMetadata
      readonly specId: number
      readonly snapshotId: bigint
      readonly content?: 'data' | 'deletes'
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<ManifestWriter> {
    const { metadata } = options
    const { formatVersion } = metadata
    if (formatVersion === 1) throw version1(metadata)
    const spec = specById(metadata, options.specId)
    for (const field of spec.fields) {
      if (field.transform.kind === 'unknown') {
        throw new IcebergError(
          'unsupported-transform',
          `partition field ${field.name} has the unknown transform ${formatTransform(field.transform)}`,
          { context: { field: field.name }, hint: 'Tables with unknown transforms can be read, but not written.' },
        )
      }
    }
    const content = options.content ?? 'data'
    const schema = currentSchema(metadata)
    const avro = await AvroWriter.create(io, path, {
      schema: entrySchema(spec, partitionTypes(metadata, spec), formatVersion),
      metadata: {
        schema: stringifyJsonLossless(schemaToJson(schema)),
        'schema-id': String(schema.schemaId),
        'partition-spec': stringifyJsonLossless(partitionFieldsToJson(spec)),
        'partition-spec-id': String(spec.specId),
        'format-version': String(formatVersion),
        content,
      },
      codec: manifestCodec(metadata.properties),
      signal: options.signal,
    })
    return new ManifestWriter(path, avro, options, content)
  }

  /** Bytes handed to the store so far; what is not yet a block of the file is not among them. */
  get sizeBytes(): number {
    return this.#avro.sizeBytes
  }

  /**
   * A file that this snapshot adds. It inherits its row ids, and its sequence numbers unless its content is as old as
   * the data sequence number that is given.
   */
  async add(added: DataFile, sequenceNumber?: bigint): Promise<void> {
    const { firstRowId: _, ...file } = added
    if (sequenceNumber === undefined) this.#inherits = true
    else this.#noteExplicit(sequenceNumber)
    await this.#write('added', file, {
      snapshotId: this.#snapshotId,
      sequence: sequenceNumber ?? null,
      fileSequence: null,
    })
  }

  /** A file that is carried over from another manifest as it is. */
  async existing(entry: ManifestEntry): Promise<void> {
    this.#noteExplicit(entry.sequenceNumber)
    await this.#write('existing', entry.file, {
      snapshotId: entry.snapshotId,
      sequence: entry.sequenceNumber,
      fileSequence: entry.fileSequenceNumber,
    })
  }

  /** A file that this snapshot removes. */
  async delete(entry: ManifestEntry): Promise<void> {
    await this.#write('deleted', entry.file, {
      snapshotId: this.#snapshotId,
      sequence: entry.sequenceNumber,
      fileSequence: entry.fileSequenceNumber,
    })
  }

  /** Makes the manifest appear in the store. */
  async close(): Promise<NewManifest> {
    const lengthBytes = BigInt(await this.#avro.close())
    return {
      path: this.path,
      lengthBytes,
      specId: this.#spec.specId,
      content: this.#content,
      addedSnapshotId: this.#snapshotId,
      addedFilesCount: this.#files.added,
      existingFilesCount: this.#files.existing,
      deletedFilesCount: this.#files.deleted,
      addedRowsCount: this.#rows.added,
      existingRowsCount: this.#rows.existing,
      deletedRowsCount: this.#rows.deleted,
      partitions: this.#summaries.map((summary) => summary.result()),
      minExplicitSequenceNumber: this.#minExplicit,
      inherits: this.#inherits,
      rowsWithoutIds: this.#rowsWithoutIds,
    }
  }

  async abort(): Promise<void> {
    await this.#avro.abort()
  }

  async #write(
    status: EntryStatus,
    file: DataFile,
    ids: { readonly snapshotId: bigint; readonly sequence: bigint | null; readonly fileSequence: bigint | null },
  ): Promise<void> {
    this.#check(file)
    this.#files[status]++
    this.#rows[status] += file.recordCount
    if (status !== 'deleted' && file.firstRowId === undefined) this.#rowsWithoutIds += file.recordCount
    this.#summaries.forEach((summary, index) => summary.add(file.partition[index] ?? null))
    const partition = this.#spec.fields.map((_, index) =>
      partitionValueToAvro(this.#types[index], file.partition[index] ?? null),
    )
    await this.#avro.write({
      status: statusCodes[status],
      snapshot_id: ids.snapshotId,
      sequence_number: ids.sequence,
      file_sequence_number: ids.fileSequence,
      data_file: dataFileToAvro(file, this.#spec, partition),
    })
  }

  #noteExplicit(sequenceNumber: bigint): void {
    if (this.#minExplicit === undefined || sequenceNumber < this.#minExplicit) this.#minExplicit = sequenceNumber
  }

  #check(file: DataFile): void {
    const kind = file.content === 'data' ? 'data' : 'deletes'
    if (kind !== this.#content || file.specId !== this.#spec.specId) {
      throw new IcebergError('invalid-argument', `file ${file.filePath} does not belong in this manifest`, {
        context: { file: file.filePath, specId: file.specId, manifest: this.path },
      })
    }
    if (file.partition.length !== this.#spec.fields.length) {
      throw new IcebergError(
        'invalid-argument',
        `file ${file.filePath} has ${file.partition.length} partition values, spec ${file.specId} has ${this.#spec.fields.length}`,
        { context: { file: file.filePath, specId: file.specId } },
      )
    }
  }
}

/** @internal The refusal to write into a table of format version 1. */
export function version1(metadata: TableMetadata): IcebergError {
  return new IcebergError('unsupported-format-version', `table ${metadata.location} has format version 1`, {
    context: { location: metadata.location },
    hint: 'Version 1 tables are read only. Upgrade the table to version 2 with an upgrade-format-version update.',
  })
}

function dataFileToAvro(
  file: DataFile,
  spec: ReturnType<typeof specById>,
  partition: readonly unknown[],
): Readonly<Record<string, unknown>> {
  return {
    content: { data: 0, 'position-deletes': 1, 'equality-deletes': 2 }[file.content],
    file_path: file.filePath,
    file_format: file.fileFormat.toUpperCase(),
    partition: Object.fromEntries(spec.fields.map((field, index) => [avroName(field.name), partition[index]])),
    record_count: file.recordCount,
    file_size_in_bytes: file.fileSizeBytes,
    column_sizes: mapToAvro(file.columnSizes),
    value_counts: mapToAvro(file.valueCounts),
    null_value_counts: mapToAvro(file.nullValueCounts),
    nan_value_counts: mapToAvro(file.nanValueCounts),
    lower_bounds: bytesMapToAvro(file.lowerBounds),
    upper_bounds: bytesMapToAvro(file.upperBounds),
    key_metadata: file.keyMetadata === undefined ? null : Buffer.from(file.keyMetadata),
    split_offsets: file.splitOffsets ?? null,
    equality_ids: file.equalityIds ?? null,
    sort_order_id: file.sortOrderId ?? null,
    first_row_id: file.firstRowId ?? null,
    referenced_data_file: file.referencedDataFile ?? null,
    content_offset: file.contentOffset ?? null,
    content_size_in_bytes: file.contentSizeBytes ?? null,
  }
}

function mapToAvro<T>(map: ReadonlyMap<number, T> | undefined): { key: number; value: T }[] | null {
  return map === undefined ? null : Array.from(map, ([key, value]) => ({ key, value }))
}

function bytesMapToAvro(map: ReadonlyMap<number, Uint8Array> | undefined): { key: number; value: Buffer }[] | null {
  return map === undefined ? null : Array.from(map, ([key, value]) => ({ key, value: Buffer.from(value) }))
}
