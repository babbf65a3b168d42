import type { Data, RecordBatch } from 'apache-arrow'

/** Bytes of a batch's own rows: of a slice, not of the memory that it shares. Validity bitmaps are not counted. */
export function batchBytes(batch: RecordBatch): number {
  return batch.data.children.reduce((sum, child) => sum + dataBytes(child), 0)
}

function dataBytes(data: Data): number {
  const offsets: Int32Array | undefined = data.valueOffsets
  if (offsets === undefined) {
    const values: ArrayBufferView | undefined = data.values
    const own = data.children.reduce((sum, child) => sum + dataBytes(child), 0)
    // Booleans share their bits between slices.
    return own + Math.min(values?.byteLength ?? 0, data.length * 16 * data.stride)
  }
  const first = offsets[0] ?? 0
  const last = offsets[data.length] ?? first
  if (data.children.length === 0) return last - first + data.length * 4
  const child = data.children[0]
  const share = child === undefined || child.length === 0 ? 0 : (last - first) / child.length
  return data.length * 4 + (child === undefined ? 0 : dataBytes(child) * share)
}
