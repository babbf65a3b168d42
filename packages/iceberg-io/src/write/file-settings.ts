import { MemoryPool } from '@icebridge/columnar'
import { indexById, type Schema } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import type { BloomOptions } from './bloom-filter.ts'
import { type Compression, declaredCompression, pageCompressor } from './compression.ts'
import type { ParquetWriterOptions } from './parquet-writer.ts'

const MIB = 1024 * 1024
/** Smaller than Parquet's usual 128 MiB: it bounds the writer's memory. */
const DEFAULT_ROW_GROUP_BYTES = 16 * MIB
const DEFAULT_ROW_GROUP_ROWS = 1 << 20
const DEFAULT_PAGE_BYTES = MIB
const DEFAULT_PAGE_ROWS = 20_000
const DEFAULT_DICTIONARY_BYTES = 2 * MIB
const DEFAULT_BLOOM_BYTES = MIB
const DEFAULT_FALSE_POSITIVES = 0.01
/**
 * Not one of Iceberg's own. Off unless asked for: its vectorized reader for Spark refused such pages before 1.10.
 *
 * @see https://github.com/apache/iceberg/pull/13391
 */
const DELTAS = 'write.parquet.delta-encoding-enabled'
const BLOOM_COLUMN = 'write.parquet.bloom-filter-enabled.column.'

/** What a caller sets in place of a table's properties. */
export interface FileSettings {
  readonly compression?: Compression | undefined
  readonly rowGroupBytes?: number | undefined
  readonly rowGroupRows?: number | undefined
}

/**
 * How the Parquet files of a table are written: the caller's settings, else `write.parquet.*`, else defaults.
 *
 * @throws IcebergIoError `invalid-argument` naming the option or property out of range.
 * @see https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
export function parquetSettings(
  schema: Schema,
  properties: Readonly<Record<string, string>>,
  given: FileSettings = {},
): ParquetWriterOptions {
  const declared = declaredCompression(given.compression === undefined ? properties : {})
  return {
    memory: new MemoryPool(),
    compressor: pageCompressor(given.compression ?? declared.compression, declared.level),
    rowGroupBytes:
      positive('rowGroupBytes', given.rowGroupBytes) ??
      positive('write.parquet.row-group-size-bytes', properties['write.parquet.row-group-size-bytes']) ??
      DEFAULT_ROW_GROUP_BYTES,
    rowGroupRows:
      positive('rowGroupRows', given.rowGroupRows) ??
      positive('write.parquet.row-group-limit', properties['write.parquet.row-group-limit']) ??
      DEFAULT_ROW_GROUP_ROWS,
    pageBytes:
      positive('write.parquet.page-size-bytes', properties['write.parquet.page-size-bytes']) ?? DEFAULT_PAGE_BYTES,
    pageRows: positive('write.parquet.page-row-limit', properties['write.parquet.page-row-limit']) ?? DEFAULT_PAGE_ROWS,
    dictionaryBytes:
      positive('write.parquet.dict-size-bytes', properties['write.parquet.dict-size-bytes']) ??
      DEFAULT_DICTIONARY_BYTES,
    deltas: properties[DELTAS]?.toLowerCase() === 'true',
    blooms: declaredBlooms(schema, properties),
  }
}

/** A positive whole number from an option or a property; `undefined` when it is not set. */
export function positive(name: string, given: number | string | undefined): number | undefined {
  if (given === undefined) return undefined
  const value = Number(given)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new IcebergIoError('invalid-argument', `${name} is ${given}, which is not a positive whole number`, {
    context: { option: name, value: given },
  })
}

function declaredBlooms(
  schema: Schema,
  properties: Readonly<Record<string, string>>,
): ReadonlyMap<number, BloomOptions> {
  const blooms = new Map<number, BloomOptions>()
  const maxBytes =
    positive('write.parquet.bloom-filter-max-bytes', properties['write.parquet.bloom-filter-max-bytes']) ??
    DEFAULT_BLOOM_BYTES
  const byId = indexById(schema)
  for (const [property, value] of Object.entries(properties)) {
    if (!property.startsWith(BLOOM_COLUMN) || value.toLowerCase() !== 'true') continue
    const path = property.slice(BLOOM_COLUMN.length)
    // A property may outlive its column.
    const id = [...byId].find(([, located]) => located.path === path)?.[0]
    if (id === undefined) continue
    blooms.set(id, { maxBytes, falsePositives: falsePositives(path, properties) })
  }
  return blooms
}

function falsePositives(path: string, properties: Readonly<Record<string, string>>): number {
  const property = `write.parquet.bloom-filter-fpp.column.${path}`
  const share = Number(properties[property] ?? DEFAULT_FALSE_POSITIVES)
  if (share > 0 && share < 1) return share
  throw new IcebergIoError('invalid-argument', `${property} is ${share}, which is not between 0 and 1`, {
    context: { property, value: share },
  })
}
