import {
  type DataFile,
  defaultBoundLength,
  indexById,
  type Schema,
  singleValueToBytes,
  truncateBytesLower,
  truncateBytesUpper,
  truncateStringLower,
  truncateStringUpper,
} from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import type { Leaf } from './parquet-schema.ts'
import type { WrittenChunk } from './parquet-writer.ts'
import { unionBounds } from './statistics.ts'
import type { RawBounds } from './value-encoder.ts'

/** How much is kept of a column's metrics in the manifest. */
export type MetricsMode =
  | { readonly kind: 'none' }
  | { readonly kind: 'counts' }
  | { readonly kind: 'truncate'; readonly length: number }
  | { readonly kind: 'full' }

/** Metrics modes by field id. */
export type MetricsModes = ReadonlyMap<number, MetricsMode>

/** The metrics of a {@link DataFile}. */
export type FileMetrics = Required<
  Pick<DataFile, 'columnSizes' | 'valueCounts' | 'nullValueCounts' | 'nanValueCounts' | 'lowerBounds' | 'upperBounds'>
>

/**
 * The modes that a table declares: `write.metadata.metrics.column.<name>`, else `write.metadata.metrics.default`, else
 * truncate(16) for the first `write.metadata.metrics.max-inferred-column-defaults` (100) columns and none past them.
 *
 * @throws IcebergIoError `invalid-argument` for a mode that does not exist or a full column that the schema has not.
 * @see https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
export function metricsModes(
  schema: Schema,
  properties: Readonly<Record<string, string>>,
  fullColumns: readonly string[] = [],
): MetricsModes {
  const declared = properties['write.metadata.metrics.default']
  const fallback = parseMode(declared ?? `truncate(${defaultBoundLength})`)
  const inferred = Number(properties['write.metadata.metrics.max-inferred-column-defaults'] ?? 100)
  const modes = new Map<number, MetricsMode>()
  const names = new Set<string>()
  for (const [id, { path }] of indexById(schema)) {
    const own = properties[`write.metadata.metrics.column.${path}`]
    const past = declared === undefined && modes.size >= inferred
    names.add(path)
    if (fullColumns.includes(path)) modes.set(id, { kind: 'full' })
    else if (own !== undefined) modes.set(id, parseMode(own))
    else modes.set(id, past ? { kind: 'none' } : fallback)
  }
  const missing = fullColumns.find((column) => !names.has(column))
  if (missing === undefined) return modes
  throw new IcebergIoError(
    'invalid-argument',
    `full metrics are asked for ${missing}, and the table has no such column`,
    {
      context: { column: missing },
    },
  )
}

/** Metrics of a file from its chunks, by row group and leaf. Columns inside lists and maps have only their size. */
export function fileMetrics(chunks: readonly (readonly WrittenChunk[])[], modes: MetricsModes): FileMetrics {
  const metrics = {
    columnSizes: new Map<number, bigint>(),
    valueCounts: new Map<number, bigint>(),
    nullValueCounts: new Map<number, bigint>(),
    nanValueCounts: new Map<number, bigint>(),
    lowerBounds: new Map<number, Uint8Array>(),
    upperBounds: new Map<number, Uint8Array>(),
  }
  for (const [index, { leaf }] of (chunks[0] ?? []).entries()) {
    const own = chunks.flatMap((group) => group[index] ?? [])
    const mode = modes.get(leaf.fieldId) ?? { kind: 'none' }
    metrics.columnSizes.set(
      leaf.fieldId,
      total(own, (chunk) => chunk.compressedBytes),
    )
    if (leaf.maxRepetition > 0 || mode.kind === 'none') continue
    metrics.valueCounts.set(
      leaf.fieldId,
      total(own, (chunk) => chunk.valueCount),
    )
    metrics.nullValueCounts.set(
      leaf.fieldId,
      total(own, (chunk) => chunk.nullCount),
    )
    if (leaf.type === 'float' || leaf.type === 'double') {
      metrics.nanValueCounts.set(
        leaf.fieldId,
        total(own, (chunk) => chunk.nanCount),
      )
    }
    if (mode.kind === 'counts') continue
    const length = mode.kind === 'truncate' ? mode.length : Infinity
    const { lower, upper } = bounds(leaf, own, length)
    if (lower !== undefined) metrics.lowerBounds.set(leaf.fieldId, lower)
    if (upper !== undefined) metrics.upperBounds.set(leaf.fieldId, upper)
  }
  return metrics
}

function total(chunks: readonly WrittenChunk[], count: (chunk: WrittenChunk) => number): bigint {
  return BigInt(chunks.reduce((sum, chunk) => sum + count(chunk), 0))
}

function bounds(
  leaf: Leaf,
  chunks: readonly WrittenChunk[],
  length: number,
): { readonly lower: Uint8Array | undefined; readonly upper: Uint8Array | undefined } {
  let both: RawBounds | undefined
  for (const chunk of chunks) both = unionBounds(leaf.type, both, chunk.bounds)
  if (both === undefined) return { lower: undefined, upper: undefined }
  const { min, max } = both
  if (!(min instanceof Uint8Array) || !(max instanceof Uint8Array)) {
    return { lower: singleValueToBytes(leaf.type, min), upper: singleValueToBytes(leaf.type, max) }
  }
  if (leaf.type === 'string') {
    const lower = length === Infinity ? min : Buffer.from(truncateStringLower(text(min), length))
    const upper = length === Infinity ? text(max) : truncateStringUpper(text(max), length)
    return { lower, upper: upper === undefined ? undefined : Buffer.from(upper) }
  }
  // A uuid and a fixed value have one length, which a bound keeps.
  if (leaf.physical === 'FIXED_LEN_BYTE_ARRAY' || length === Infinity) return { lower: min, upper: max }
  return { lower: truncateBytesLower(min, length), upper: truncateBytesUpper(max, length) }
}

function text(utf8: Uint8Array): string {
  return Buffer.from(utf8.buffer, utf8.byteOffset, utf8.byteLength).toString('utf8')
}

function parseMode(text: string): MetricsMode {
  const mode = text.trim().toLowerCase()
  if (mode === 'none' || mode === 'counts' || mode === 'full') return { kind: mode }
  const length = Number(/^truncate\((\d{1,9})\)$/.exec(mode)?.[1] ?? 0)
  if (length > 0) return { kind: 'truncate', length }
  throw new IcebergIoError('invalid-argument', `the metrics mode ${text} does not exist`, {
    context: { mode: text },
    hint: 'Use none, counts, truncate(length) or full.',
  })
}
