import { ancestorsOf, type TableHandle, type TableMetadata } from '@icebridge/iceberg-core'
import { JournalError } from './errors.ts'
import { historyOf } from './history.ts'
import type { JournalHead } from './journal-head.ts'
import { journalProperty } from './names.ts'

/** More are not kept: a target that stands at one this old has long met another reason to stop. */
const kept = 1000

/**
 * The property that the first commit after a rollback sets: which snapshots the rollback took out of the history. A target
 * that stands at one of them is told so even after the snapshot is expired.
 */
export function abandonedBy(table: TableHandle, base: JournalHead): Readonly<Record<string, string>> {
  if (base.rolledBackFrom === undefined) return {}
  const { metadata } = table.loaded
  const history = new Set(historyOf(metadata).map(({ snapshotId }) => snapshotId))
  const gone = ancestorsOf(metadata, base.rolledBackFrom)
    .map(({ snapshotId }) => snapshotId)
    .filter((id) => !history.has(id))
  const ids = [...new Set([...gone, ...abandonedSnapshots(metadata)])].slice(0, kept)
  return { [journalProperty.abandoned]: JSON.stringify(ids.map(String)) }
}

/** Snapshots that rollbacks took out of the history, newest rollback first. */
export function abandonedSnapshots(metadata: TableMetadata): readonly bigint[] {
  const text = metadata.properties[journalProperty.abandoned]
  if (text === undefined) return []
  try {
    const value: unknown = JSON.parse(text)
    if (!Array.isArray(value)) throw new TypeError('it is no array')
    return value.map((id) => BigInt(String(id)))
  } catch (cause) {
    throw new JournalError('not-a-journal', `the table property ${journalProperty.abandoned} cannot be read`, {
      hint: 'Restore the property from an earlier metadata file of the table.',
      cause,
    })
  }
}
