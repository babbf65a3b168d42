import {
  type DataFile,
  defaultBoundLength,
  indexById,
  isPrimitive,
  type Schema,
  singleValueToBytes,
  type SortOrder,
  truncateBytesLower,
  truncateBytesUpper,
  truncateStringLower,
  truncateStringUpper,
  type Type,
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
 * truncate(16) for the first `write.metadata.metrics.max-inferred-column-defaults` (100) primitive columns, those of a struct
 * before those of the structs in it, and none past them. Columns that the table is sorted by have bounds even so.
 *
 * @throws IcebergIoError `invalid-argument` for a mode that does not exist or a full column that the schema has not.
 * @see https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
export function metricsModes(
  schema: Schema,
  properties: Readonly<Record<string, string>>,
  options: { readonly full?: readonly string[] | undefined; readonly sortOrder?: SortOrder | undefined } = {},
): MetricsModes {
  const { full = [], sortOrder } = options
  const bounded: MetricsMode = { kind: 'truncate', length: defaultBoundLength }
  const declared = properties['write.metadata.metrics.default']
  const fallback = declared === undefined ? bounded : parseMode(declared)
  const inferred = new Set(primitiveIds(schema.fields).slice(0, inferredColumns(properties)))
  const sorted = new Set(sortOrder?.fields.flatMap((field) => (keepsOrder(field) ? field.sourceIds : [])))
  const modes = new Map<number, MetricsMode>()
  const names = new Set<string>()
  for (const [id, { path }] of indexById(schema)) {
    const own = properties[`write.metadata.metrics.column.${path}`]
    names.add(path)
    let mode = declared === undefined && !inferred.has(id) ? ({ kind: 'none' } as const) : fallback
    if (sorted.has(id) && (mode.kind === 'none' || mode.kind === 'counts')) mode = bounded
    if (own !== undefined) mode = parseMode(own)
    modes.set(id, full.includes(path) ? { kind: 'full' } : mode)
  }
  const missing = full.find((column) => !names.has(column))
  if (missing === undefined) return modes
  throw new IcebergIoError(
    'invalid-argument',
    `full metrics are asked for ${missing}, and the table has no such column`,
    {
      context: { column: missing },
    },
  )
}

function inferredColumns(properties: Readonly<Record<string, string>>): number {
  const property = 'write.metadata.metrics.max-inferred-column-defaults'
  const count = Number(properties[property] ?? 100)
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new IcebergIoError('invalid-argument', `${property} is ${properties[property]}, which is not a whole number`, {
    context: { property, value: String(properties[property]) },
  })
}

/** Ids of primitive columns: those of a struct first, then those inside its fields. */
function primitiveIds(fields: readonly { readonly id: number; readonly type: Type }[]): number[] {
  const own = fields.filter(({ type }) => isPrimitive(type)).map(({ id }) => id)
  return [
    ...own,
    ...fields.flatMap(({ type }) => {
      if (typeof type === 'string') return []
      if (type.kind === 'struct') return primitiveIds(type.fields)
      if (type.kind === 'list') return primitiveIds([{ id: type.elementId, type: type.element }])
      if (type.kind !== 'map') return []
      return primitiveIds([
        { id: type.keyId, type: type.key },
        { id: type.valueId, type: type.value },
      ])
    }),
  ]
}

/** Whether rows in the order of a sort field are in that of its source. */
function keepsOrder({ transform }: SortOrder['fields'][number]): boolean {
  return transform.kind !== 'bucket' && transform.kind !== 'void' && transform.kind !== 'unknown'
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
    // A variant has two leaves.
    const size = total(own, (chunk) => chunk.compressedBytes)
    metrics.columnSizes.set(leaf.fieldId, size + (metrics.columnSizes.get(leaf.fieldId) ?? 0n))
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
