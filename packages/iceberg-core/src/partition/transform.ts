/**
 * How a partition or sort value is made from a source value.
 *
 * `unknown` keeps the text of a transform that this version does not know: it is read and ignored in filters, and
 * never written to. @see https://iceberg.apache.org/spec/#partition-transforms
 */
export type Transform =
  | { readonly kind: 'identity' | 'year' | 'month' | 'day' | 'hour' | 'void' }
  | { readonly kind: 'bucket'; readonly buckets: number }
  | { readonly kind: 'truncate'; readonly width: number }
  | { readonly kind: 'unknown'; readonly text: string }

/** The transform as it stands in metadata JSON: `day`, `bucket[16]`. */
export function formatTransform(transform: Transform): string {
  switch (transform.kind) {
    case 'bucket':
      return `bucket[${transform.buckets}]`
    case 'truncate':
      return `truncate[${transform.width}]`
    case 'unknown':
      return transform.text
    case 'identity':
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'void':
      return transform.kind
  }
}

/** Reads a transform's text; whatever is not known becomes `unknown`. */
export function parseTransform(text: string): Transform {
  const lower = text.toLowerCase()
  switch (lower) {
    case 'identity':
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'void':
      return { kind: lower }
    case 'always_null':
      return { kind: 'void' }
  }
  const match = /^(bucket|truncate)\[(\d+)\]$/.exec(lower)
  const width = Number(match?.[2])
  if (match === null || width < 1 || width > 0x7fffffff) return { kind: 'unknown', text }
  return match[1] === 'bucket' ? { kind: 'bucket', buckets: width } : { kind: 'truncate', width }
}

/** True when two transforms give equal results for equal input. */
export function transformsEqual(a: Transform, b: Transform): boolean {
  return formatTransform(a) === formatTransform(b)
}
