import {
  encodeTableMetadata,
  isIcebergError,
  nextMetadataLocation,
  parseTableMetadata,
  IcebergError,
  type Environment,
  type FileIO,
  type IOOptions,
  type LoadedTable,
  type TableMetadata,
} from '@icebridge/iceberg-core'

/** Table property: delete metadata files that fall out of the metadata log. */
const deleteAfterCommitProperty = 'write.metadata.delete-after-commit.enabled'

/** @throws IcebergError `not-found` with the remedy, or `malformed-metadata` with the file. */
export async function readMetadata(io: FileIO, location: string, options: IOOptions = {}): Promise<TableMetadata> {
  let bytes
  try {
    bytes = await io.read(location, options)
  } catch (error) {
    if (!isIcebergError(error, 'not-found')) throw error
    throw new IcebergError('not-found', `The metadata file ${location} is not there`, {
      context: { path: location },
      hint: 'Its table was dropped with its files, or moved. Check the location, or restore the file.',
      cause: error,
    })
  }
  try {
    return parseTableMetadata(bytes)
  } catch (error) {
    if (!(error instanceof IcebergError)) throw error
    throw new IcebergError(error.code, `${location}: ${error.message}`, {
      context: { ...error.context, path: location },
      hint:
        error.hint ?? 'Restore the file, or register the table again with an older metadata file of the same folder.',
      cause: error,
    })
  }
}

/** Writes the next metadata file under a name of its own, and gives its location. */
export async function writeMetadata(
  io: FileIO,
  metadata: TableMetadata,
  options: IOOptions & { readonly previous: string | undefined; readonly environment: Environment },
): Promise<string> {
  const location = nextMetadataLocation(metadata, { previous: options.previous, uuid: options.environment.uuid() })
  const writer = await io.create(location, { signal: options.signal })
  try {
    await writer.write(encodeTableMetadata(metadata))
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  return location
}

/** Deletes a file that nothing refers to. A failure only leaves it behind, and never hides what went wrong before. */
export async function discard(io: FileIO, location: string): Promise<void> {
  await io.delete(location).catch(() => undefined)
}

/** Deletes the metadata files that fell out of the log with this commit, where the table asks for it. */
export async function deleteOldMetadata(io: FileIO, before: TableMetadata, after: LoadedTable): Promise<void> {
  if (after.metadata.properties[deleteAfterCommitProperty]?.toLowerCase() !== 'true') return
  const kept = new Set([after.metadataLocation, ...after.metadata.metadataLog.map((entry) => entry.metadataFile)])
  for (const { metadataFile } of before.metadataLog) {
    if (!kept.has(metadataFile)) await discard(io, metadataFile)
  }
}
