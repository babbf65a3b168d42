import type { FileIO } from '@icebridge/iceberg-core'
import { damaged } from '../parquet/decode-fault.ts'
import type { Span } from '../parquet/metadata.ts'

/** A file being read, with the end of it that was fetched for its footer. */
export interface ParquetSource {
  readonly io: FileIO
  readonly path: string
  readonly signal: AbortSignal | undefined
  readonly tail: { readonly start: number; readonly bytes: Uint8Array }
}

/** Spans closer than this are fetched in one request. */
const gapBytes = 65_536
/** A request never grows beyond this by joining spans. */
const mostJoinedBytes = 32 * 1024 * 1024

/** The bytes of each span, in the given order: near ones in one request, all requests at once. */
export async function fetchSpans(source: ParquetSource, spans: readonly Span[]): Promise<readonly Uint8Array[]> {
  const { tail } = source
  const found = new Map<Span, Uint8Array>()
  const requests: Span[][] = []
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    if (span.start >= tail.start) {
      found.set(span, tail.bytes.subarray(span.start - tail.start, span.end - tail.start))
      continue
    }
    const request = requests[requests.length - 1]
    const [head, last] = [request?.[0], request?.[request.length - 1]]
    const joins =
      head !== undefined &&
      last !== undefined &&
      span.start - last.end <= gapBytes &&
      span.end - head.start <= mostJoinedBytes
    if (joins) request?.push(span)
    else requests.push([span])
  }
  await Promise.all(
    requests.map(async (request) => {
      const start = request[0]?.start ?? 0
      const end = Math.max(...request.map((span) => span.end))
      const bytes = start === end ? new Uint8Array(0) : await readSpan(source, { start, end })
      for (const span of request) found.set(span, bytes.subarray(span.start - start, span.end - start))
    }),
  )
  return spans.map((span) => found.get(span) ?? new Uint8Array(0))
}

/** @throws DecodeFault when the store gives less: the file is shorter than was said. */
export async function readSpan(source: Omit<ParquetSource, 'tail'>, span: Span): Promise<Uint8Array> {
  const bytes = await source.io.read(source.path, { range: span, signal: source.signal })
  if (bytes.length === span.end - span.start) return bytes
  throw damaged(`the file ends before byte ${span.end}`)
}
