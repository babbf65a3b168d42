import type { DataFile, FileIO, IOOptions } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { deserializeDeletionVector } from '../puffin/deletion-vector.ts'
import type { PositionSet } from './position-set.ts'

/** A vector takes a few bytes a row at most; more than this is no vector. */
const mostBytes = 1024 * 1024 * 1024

/**
 * The positions of a deletion vector, by its entry in a manifest: the Puffin file's own footer is not needed.
 *
 * @throws IcebergIoError `malformed-file` naming the Puffin file and the data file; what the store raises.
 * @see https://iceberg.apache.org/spec/#deletion-vectors
 */
export async function readDeletionVector(
  io: FileIO,
  vector: DataFile,
  options: IOOptions & { readonly path?: string | undefined } = {},
): Promise<PositionSet> {
  const { contentOffset, contentSizeBytes, referencedDataFile, filePath, recordCount } = vector
  const of = referencedDataFile === undefined ? '' : ` of ${referencedDataFile}`
  const malformed = (reason: string): IcebergIoError =>
    new IcebergIoError('malformed-file', `the deletion vector${of} in ${filePath} is not readable: ${reason}`, {
      context: {
        file: filePath,
        ...(referencedDataFile === undefined ? {} : { dataFile: referencedDataFile }),
        ...(contentOffset === undefined ? {} : { offset: contentOffset }),
      },
      hint: 'The Puffin file is damaged or not the one that was committed; restore it.',
    })
  if (contentOffset === undefined || contentSizeBytes === undefined)
    throw malformed('its manifest does not say where it is')
  if (contentOffset < 0n || contentSizeBytes < 0n || contentSizeBytes > BigInt(mostBytes)) {
    throw malformed(`it is said to be at ${contentOffset} with ${contentSizeBytes} bytes`)
  }
  const range = { start: Number(contentOffset), end: Number(contentOffset + contentSizeBytes) }
  const bytes = await io.read(options.path ?? filePath, { range, signal: options.signal })
  if (BigInt(bytes.length) !== contentSizeBytes) throw malformed('the file ends before it')
  const positions = deserializeDeletionVector(bytes, malformed)
  if (positions.cardinality !== recordCount) {
    throw malformed(`it has ${positions.cardinality} positions and should have ${recordCount}`)
  }
  return positions
}
