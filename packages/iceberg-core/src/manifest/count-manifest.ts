import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import type { ManifestFile } from './manifest-file.ts'
import { readManifest } from './read-manifest.ts'

/** The manifest with its file and row counts, read from its entries where a version 1 list does not have them. */
export async function countManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: { readonly metadata: TableMetadata; readonly signal?: AbortSignal | undefined },
): Promise<ManifestFile> {
  const counts = [
    manifest.addedFilesCount,
    manifest.existingFilesCount,
    manifest.deletedFilesCount,
    manifest.addedRowsCount,
    manifest.existingRowsCount,
    manifest.deletedRowsCount,
  ]
  if (counts.every((count) => count !== undefined)) return manifest
  const files = { added: 0, existing: 0, deleted: 0 }
  const rows = { added: 0n, existing: 0n, deleted: 0n }
  for await (const { status, file } of readManifest(io, manifest, options)) {
    files[status]++
    rows[status] += file.recordCount
  }
  return {
    ...manifest,
    addedFilesCount: files.added,
    existingFilesCount: files.existing,
    deletedFilesCount: files.deleted,
    addedRowsCount: rows.added,
    existingRowsCount: rows.existing,
    deletedRowsCount: rows.deleted,
  }
}
