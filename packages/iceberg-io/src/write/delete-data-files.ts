import type { DataFile, FileIO, IOOptions } from '@icebridge/iceberg-core'

/**
 * Deletes data files that no snapshot refers to. A file that is absent is fine; the others are deleted even when one
 * fails.
 *
 * @throws The first failure.
 */
export async function deleteDataFiles(
  io: FileIO,
  files: readonly Pick<DataFile, 'filePath'>[],
  options: IOOptions = {},
): Promise<void> {
  let failure: { readonly cause: unknown } | undefined
  for (const file of files) {
    try {
      await io.delete(file.filePath, options)
    } catch (cause) {
      failure ??= { cause }
    }
  }
  if (failure !== undefined) throw failure.cause
}
