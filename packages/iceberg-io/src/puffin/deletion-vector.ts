import { crc32 } from 'node:zlib'
import type { PositionSet } from '../delete/position-set.ts'
import { deserializePositions, serializePositions } from './roaring.ts'

/** The type of a blob that holds a deletion vector. */
export const deletionVectorType = 'deletion-vector-v1'

const magic = Buffer.from([0xd1, 0xd3, 0x39, 0x64])
const lengthBytes = 4
const checksumBytes = 4

/** The blob of a deletion vector. @see https://iceberg.apache.org/puffin-spec/#deletion-vector-v1-blob-type */
export function serializeDeletionVector(positions: PositionSet): Buffer {
  const body = Buffer.concat([magic, serializePositions(positions)])
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(body.length)
  const checksum = Buffer.alloc(checksumBytes)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

/** @throws what `malformed` makes of a reason. */
export function deserializeDeletionVector(blob: Uint8Array, malformed: (reason: string) => Error): PositionSet {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  if (bytes.length < lengthBytes + magic.length + checksumBytes) throw malformed('it is too short')
  const body = bytes.subarray(lengthBytes, bytes.length - checksumBytes)
  if (bytes.readUInt32BE(0) !== body.length) {
    throw malformed(`it claims ${bytes.readUInt32BE(0)} bytes and has ${body.length}`)
  }
  if (!body.subarray(0, magic.length).equals(magic)) throw malformed('it does not begin with its magic number')
  if (bytes.readUInt32BE(bytes.length - checksumBytes) !== crc32(body)) throw malformed('its checksum is wrong')
  return deserializePositions(body.subarray(magic.length), malformed)
}
