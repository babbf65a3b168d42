import {
  currentSnapshot,
  type DataFile,
  ManifestWriter,
  type NewManifest,
  readManifestList,
  type TableHandle,
  type Value,
  writeManifestList,
} from '@icebridge/iceberg-core'
import { dataFile, type Lake } from './lake.ts'

/** A file in a manifest to be written; with a sequence number it is an existing or a deleted one. */
export interface RawEntry {
  readonly file: DataFile
  readonly status?: 'added' | 'existing' | 'deleted'
  readonly sequenceNumber?: bigint
  /** The snapshot that an existing file was added by. */
  readonly snapshotId?: bigint
}

export interface RawSnapshot {
  readonly snapshotId: bigint
  readonly operation: string
  /** New manifests: each holds files of one spec and of one content. */
  readonly manifests: readonly (readonly RawEntry[])[]
  /** What the list says that the new manifests hold, where that is not the truth. */
  readonly listedAs?: 'data' | 'deletes'
  /** Manifests of the parent that are not carried over, by path. */
  readonly dropped?: (path: string) => boolean
  readonly summary?: Readonly<Record<string, string>>
}

/** Commits a snapshot on main from manifests written entry by entry, as any engine might have made it. */
export async function commitRaw(lake: Lake, raw: RawSnapshot): Promise<TableHandle> {
  const table = await lake.table()
  const { metadata } = table.loaded
  const parent = currentSnapshot(metadata)
  const carried = parent === undefined ? [] : await readManifestList(lake.io, parent, { metadata })
  const sequenceNumber = metadata.lastSequenceNumber + 1n
  const written: NewManifest[] = []
  for (const [at, entries] of raw.manifests.entries()) {
    const first = entries[0]!.file
    const writer = await ManifestWriter.create(lake.io, `/raw/${raw.snapshotId}-m${at}.avro`, {
      metadata,
      specId: first.specId,
      snapshotId: raw.snapshotId,
      content: first.content === 'data' ? 'data' : 'deletes',
    })
    for (const { file, status = 'added', sequenceNumber: own = sequenceNumber, snapshotId = 0n } of entries) {
      const entry = { status, snapshotId, sequenceNumber: own, fileSequenceNumber: own, file }
      if (status === 'added') await writer.add(file)
      else if (status === 'existing') await writer.existing(entry)
      else await writer.delete(entry)
    }
    const manifest = await writer.close()
    written.push(raw.listedAs === undefined ? manifest : { ...manifest, content: raw.listedAs })
  }
  const manifestList = `/raw/${raw.snapshotId}-list.avro`
  await writeManifestList(lake.io, manifestList, {
    metadata,
    snapshot: { snapshotId: raw.snapshotId, parentSnapshotId: parent?.snapshotId, sequenceNumber },
    manifests: [...written, ...carried.filter(({ path }) => raw.dropped?.(path) !== true)],
  })
  const outcome = await lake.catalog.commitTable(lake.identifier, {
    requirements: [],
    updates: [
      {
        action: 'add-snapshot',
        snapshot: {
          snapshotId: raw.snapshotId,
          ...(parent === undefined ? {} : { parentSnapshotId: parent.snapshotId }),
          sequenceNumber,
          timestampMs: lake.environment.nowMs(),
          manifestList,
          operation: raw.operation,
          summary: { operation: raw.operation, ...raw.summary },
          schemaId: metadata.currentSchemaId,
          ...(metadata.formatVersion >= 3 ? { firstRowId: metadata.nextRowId ?? 0n, addedRows: 1000n } : {}),
        },
      },
      { action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId: raw.snapshotId },
    ],
    base: table.loaded,
  })
  if (outcome.status !== 'committed') throw new Error(`commit of ${raw.snapshotId}: ${outcome.status}`)
  return await lake.table()
}

/** A deletion vector for a data file, in that file's partition. */
export function deletionVector(file: DataFile, path: string, blob: { readonly offset?: bigint } = {}): DataFile {
  return {
    content: 'position-deletes',
    filePath: path,
    fileFormat: 'puffin',
    specId: file.specId,
    partition: file.partition,
    recordCount: 1n,
    fileSizeBytes: 100n,
    referencedDataFile: file.filePath,
    contentOffset: blob.offset ?? 4n,
    contentSizeBytes: 40n,
  }
}

const filePathId = 2147483546

/** A position delete file in the partition of `like`; `paths` are the bounds of its `file_path`. */
export function positionDeletes(
  like: DataFile,
  path: string,
  paths?: readonly [lower: string, upper: string],
): DataFile {
  const bounds = paths?.map((bound) => new Map([[filePathId, new TextEncoder().encode(bound)]]))
  return {
    content: 'position-deletes',
    filePath: path,
    fileFormat: 'parquet',
    specId: like.specId,
    partition: like.partition,
    recordCount: 1n,
    fileSizeBytes: 100n,
    ...(bounds === undefined ? {} : { lowerBounds: bounds[0]!, upperBounds: bounds[1]! }),
  }
}

/** An equality delete file in the partition of its first row, by the column `id` unless others are given. */
export function equalityDeletes(
  table: TableHandle,
  path: string,
  rows: readonly Readonly<Record<string, Value | null>>[],
  ids: readonly number[] = [1],
): DataFile {
  return { ...dataFile(table, path, rows), content: 'equality-deletes', equalityIds: ids }
}
