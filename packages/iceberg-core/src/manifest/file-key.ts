import type { DataFile } from './data-file.ts'

/**
 * What a live file is told apart by: its path, and the place in it for a deletion vector, since several stand in one
 * Puffin file.
 */
export function fileKey(file: DataFile): string {
  return file.contentOffset === undefined ? file.filePath : `${file.filePath}#${file.contentOffset}`
}
