import type { FileIO } from '../port/file-io.ts'
import type { ManifestFile } from './manifest-file.ts'
import { type ManifestReadOptions, type OpenManifest, openManifest } from './read-manifest.ts'

/** As many files, and as many bytes of them, are fetched before their turn comes. */
const aheadFiles = 16
const aheadBytes = 16 << 20
const mostFirstBytes = 4 << 20

/**
 * Manifests in order, opened ahead of their turn, so that the store is not waited for one manifest after the other. Each
 * is to be read, or left, before the next one is pulled.
 */
export function* openManifests(
  io: FileIO,
  manifests: readonly ManifestFile[],
  options: ManifestReadOptions & {
    /** What to fetch of each at first; all of it when absent, up to a few megabytes. */
    readonly firstBytes?: number | undefined
  },
): Generator<OpenManifest, void, undefined> {
  const ahead: { readonly opened: OpenManifest; readonly bytes: number }[] = []
  let bytesAhead = 0
  let next = 0
  for (;;) {
    while (next < manifests.length && ahead.length < aheadFiles && (ahead.length === 0 || bytesAhead < aheadBytes)) {
      const manifest = manifests[next++]
      if (manifest === undefined) break
      // One byte more than there should be: a short answer tells the end.
      const bytes = Math.min(options.firstBytes ?? mostFirstBytes, Math.max(Number(manifest.lengthBytes), 1024) + 1)
      ahead.push({ opened: openManifest(io, manifest, { ...options, firstBytes: bytes }), bytes })
      bytesAhead += bytes
    }
    const first = ahead.shift()
    if (first === undefined) return
    bytesAhead -= first.bytes
    yield first.opened
  }
}
