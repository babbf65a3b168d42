import type { FileIO } from '@icebridge/iceberg-core'
import { damaged, located, unsupported } from '../parquet/decode-fault.ts'
import { parseMetadata, type ParquetMetadata } from '../parquet/metadata.ts'
import { type ParquetSource, readSpan } from './fetch-spans.ts'

/** Fetched from the end of a file at first: most footers, and small files whole. */
const tailBytes = 131_072

/** Opens a file: its metadata, and what is needed to read on. @throws DecodeFault, IcebergIoError, and what the store throws */
export async function openParquet(
  io: FileIO,
  path: string,
  options: { readonly sizeBytes: number; readonly signal: AbortSignal | undefined },
): Promise<{ readonly source: ParquetSource; readonly metadata: ParquetMetadata }> {
  const { sizeBytes, signal } = options
  const file = { io, path, signal }
  if (sizeBytes < 12) throw damaged('it is not a Parquet file')
  const start = Math.max(0, sizeBytes - tailBytes)
  const tail = await readSpan(file, { start, end: sizeBytes })
  const magic = String.fromCharCode(...tail.subarray(-4))
  if (magic === 'PARE') throw unsupported('the file is encrypted')
  if (magic !== 'PAR1') throw damaged('it is not a Parquet file')
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  const footerBytes = view.getUint32(tail.length - 8, true)
  if (footerBytes > sizeBytes - 12) throw damaged('the footer is larger than the file')
  const footerStart = sizeBytes - 8 - footerBytes
  const footer =
    footerStart >= start
      ? tail.subarray(footerStart - start, tail.length - 8)
      : await readSpan(file, { start: footerStart, end: sizeBytes - 8 })
  try {
    return { source: { ...file, tail: { start, bytes: tail } }, metadata: parseMetadata(footer, sizeBytes) }
  } catch (error) {
    throw located(error, path)
  }
}
