import type { TableUpdate } from '../metadata/table-update.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'
import { invalidArgument } from './refs.ts'

export interface PropertyChanges {
  readonly set?: Readonly<Record<string, string>> | undefined
  /** Names that the table does not have are fine. */
  readonly remove?: readonly string[] | undefined
}

/**
 * Sets and removes table properties in one commit. Other writers' properties stay.
 *
 * @throws IcebergError `invalid-argument` for a name that is both set and removed, or that is reserved.
 */
export async function updateProperties(
  table: TableHandle,
  changes: PropertyChanges,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const set = changes.set ?? {}
  const remove = changes.remove ?? []
  for (const name of [...Object.keys(set), ...remove]) {
    if (reservedProperties.has(name)) {
      throw invalidArgument(`${name} is no property that is stored: it is part of the table itself`, { property: name })
    }
  }
  const both = remove.find((name) => Object.hasOwn(set, name))
  if (both !== undefined) throw invalidArgument(`property ${both} is both set and removed`, { property: both })
  return await commitMetadata(
    table,
    ({ properties }) => {
      const changed = Object.entries(set).filter(([name, value]) => get(properties, name) !== value)
      const removals = remove.filter((name) => Object.hasOwn(properties, name))
      const updates: TableUpdate[] = []
      if (changed.length > 0) updates.push({ action: 'set-properties', updates: Object.fromEntries(changed) })
      if (removals.length > 0) updates.push({ action: 'remove-properties', removals })
      return { updates }
    },
    options,
  )
}

/** Names that engines show as properties and that are not. @see https://iceberg.apache.org/docs/latest/configuration/#reserved-table-properties */
const reservedProperties: ReadonlySet<string> = new Set([
  'format-version',
  'uuid',
  'snapshot-count',
  'current-snapshot-summary',
  'current-snapshot-id',
  'current-snapshot-timestamp-ms',
  'current-schema',
  'default-partition-spec',
  'default-sort-order',
])

function get(properties: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined
}
