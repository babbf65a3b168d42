import type { FileIO } from '@icebridge/iceberg-core'
import type { AsyncBuffer } from 'hyparquet'

/** A file of a store as hyparquet reads it: by byte ranges, each range its own buffer. */
export function rangeFile(
  io: FileIO,
  path: string,
  options: { readonly sizeBytes: number; readonly signal?: AbortSignal | undefined },
): AsyncBuffer {
  return {
    byteLength: options.sizeBytes,
    slice: async (start, end = options.sizeBytes) => {
      const bytes = await io.read(path, { range: { start, end }, signal: options.signal })
      return ownBuffer(bytes)
    },
  }
}

/** The bytes as a buffer that holds nothing else. */
function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && bytes.byteLength === buffer.byteLength) return buffer
  return Uint8Array.from(bytes).buffer
}
