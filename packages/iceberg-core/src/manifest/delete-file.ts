import { deleteFilePathColumn } from '../schema/metadata-columns.ts'
import { compareStrings } from '../value/compare.ts'
import type { DataFile } from './data-file.ts'

/** True for the entry of a deletion vector, which is one blob of a Puffin file. */
export function isDeletionVector(file: DataFile): boolean {
  return file.content === 'position-deletes' && file.fileFormat === 'puffin'
}

/** The one data file that position deletes are for, as the file or its bounds say; `undefined` when there may be more. */
export function onlyDataFileOf(file: DataFile): string | undefined {
  if (file.content !== 'position-deletes') return undefined
  const paths = referencedPaths(file)
  return typeof paths === 'string' ? paths : undefined
}

/** A test of data files, false only for those that a file of position deletes shows to have no deletes for. */
export function positionDeletesTest(file: DataFile): (dataFile: Pick<DataFile, 'filePath'>) => boolean {
  const paths = referencedPaths(file)
  if (typeof paths === 'string') return ({ filePath }) => filePath === paths
  const { lower, upper } = paths
  return ({ filePath }) => {
    if (lower !== undefined && compareStrings(filePath, lower) < 0) return false
    // Some writers cut upper bounds without rounding them up.
    return upper === undefined || compareStrings(filePath, upper) <= 0 || filePath.startsWith(upper)
  }
}

/**
 * The one data file that position deletes are for, or the bounds of the paths. Equal bounds name one file, unless they
 * may be a cut-off beginning that was written for both.
 */
function referencedPaths(
  file: DataFile,
): string | { readonly lower: string | undefined; readonly upper: string | undefined } {
  if (file.referencedDataFile !== undefined) return file.referencedDataFile
  const lower = textBound(file.lowerBounds)
  const upper = textBound(file.upperBounds)
  if (lower !== undefined && lower === upper && /\.(parquet|avro|orc)$/i.test(lower)) return lower
  return { lower, upper }
}

/** A bound that was cut inside a character bounds nothing. */
function textBound(bounds: ReadonlyMap<number, Uint8Array> | undefined): string | undefined {
  const bytes = bounds?.get(deleteFilePathColumn.id)
  if (bytes === undefined) return undefined
  const text = new TextDecoder().decode(bytes)
  return text.includes('\ufffd') ? undefined : text
}
