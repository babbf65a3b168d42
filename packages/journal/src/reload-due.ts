import type { TableMetadata } from '@icebridge/iceberg-core'
import type { FirstLoad } from './journal-head.ts'
import { journalProperty } from './names.ts'

/** Whether rows in the journal lack values of a column that changed, and no load has brought them yet. */
export function isReloadDue({ properties }: TableMetadata): boolean {
  return (properties[journalProperty.reloadDue] ?? 'false') !== 'false'
}

/**
 * Whether going on with a load brings what is due: a reload that was asked for after the load began does not come with it, and
 * needs a load of its own.
 */
export function settlesReload({ properties }: TableMetadata, load: FirstLoad): boolean {
  const due = properties[journalProperty.reloadDue] ?? 'false'
  return due === 'false' || due === load.loadId
}

/** What a chunk of a load makes of a reload that is due: only a load that began after it was asked for can settle it. */
export function reloadProperty(metadata: TableMetadata, load: FirstLoad | undefined): Readonly<Record<string, string>> {
  if (load === undefined || !isReloadDue(metadata)) return {}
  const began = load.chunk === 1 || metadata.properties[journalProperty.reloadDue] === load.loadId
  if (!began) return {}
  return { [journalProperty.reloadDue]: load.complete ? 'false' : load.loadId }
}
