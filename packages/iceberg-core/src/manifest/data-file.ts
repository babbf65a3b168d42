import type { PartitionValue } from '../value/value.ts'

export type FileContent = 'data' | 'position-deletes' | 'equality-deletes'
export type FileFormat = 'parquet' | 'avro' | 'orc' | 'puffin'

/**
 * A data or delete file with its partition tuple and column metrics.
 *
 * Metrics are keyed by field id; bounds are in the binary form of Appendix D.
 * @see https://iceberg.apache.org/spec/#manifests
 */
export interface DataFile {
  readonly content: FileContent
  readonly filePath: string
  readonly fileFormat: FileFormat
  /** Id of the partition spec that {@link partition} follows. */
  readonly specId: number
  /** One value for each field of the spec, in its order. */
  readonly partition: readonly PartitionValue[]
  readonly recordCount: bigint
  readonly fileSizeBytes: bigint
  readonly columnSizes?: ReadonlyMap<number, bigint>
  /** Values of a column, nulls and NaNs included. */
  readonly valueCounts?: ReadonlyMap<number, bigint>
  readonly nullValueCounts?: ReadonlyMap<number, bigint>
  readonly nanValueCounts?: ReadonlyMap<number, bigint>
  readonly lowerBounds?: ReadonlyMap<number, Uint8Array>
  readonly upperBounds?: ReadonlyMap<number, Uint8Array>
  readonly keyMetadata?: Uint8Array
  /** Ascending, for Parquet the start of each row group. */
  readonly splitOffsets?: readonly bigint[]
  readonly equalityIds?: readonly number[]
  readonly sortOrderId?: number
  /** `_row_id` of the first row, format version 3; inherited when absent. */
  readonly firstRowId?: bigint
  /** The one data file that a delete file refers to. */
  readonly referencedDataFile?: string
  /** Where a deletion vector starts in its Puffin file, in bytes. */
  readonly contentOffset?: bigint
  readonly contentSizeBytes?: bigint
}
