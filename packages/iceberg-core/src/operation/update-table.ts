import type { FormatVersion } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'
import { invalidArgument } from './refs.ts'

/**
 * Upgrades a table in place; its files stay as they are. Nothing happens when it has that version already. A table of
 * version 1 without a uuid gets one. From version 3 on, rows get ids in the snapshots that are made afterwards.
 *
 * There is no way back. @throws IcebergError `invalid-argument` for an older version than the table has.
 * @see https://iceberg.apache.org/spec/#appendix-e-format-version-changes
 */
export async function upgradeFormatVersion(
  table: TableHandle,
  change: { readonly formatVersion: FormatVersion },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const { formatVersion } = change
  return await commitMetadata(
    table,
    (head) => {
      if (formatVersion === head.formatVersion) return { updates: [] }
      if (!(formatVersion > head.formatVersion && formatVersion <= 3)) {
        throw invalidArgument(
          `a table of format version ${head.formatVersion} cannot be upgraded to ${formatVersion}`,
          { formatVersion },
          'Versions 1 to 3 are known, and a table never goes back.',
        )
      }
      const updates: TableUpdate[] = [{ action: 'upgrade-format-version', formatVersion }]
      if (head.tableUuid === '') updates.unshift({ action: 'assign-uuid', uuid: options.environment.uuid() })
      return { updates }
    },
    options,
  )
}

/**
 * Changes where new files go. Files that are there stay where they are and stay in the table.
 *
 * @throws IcebergError `invalid-argument` for an empty location.
 */
export async function updateLocation(
  table: TableHandle,
  change: { readonly location: string },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const location = /[^/:]\/+$/.test(change.location) ? change.location.replace(/\/+$/, '') : change.location
  if (location === '') throw invalidArgument('a table needs a location', {})
  return await commitMetadata(
    table,
    (head) => ({ updates: location === head.location ? [] : [{ action: 'set-location', location }] }),
    options,
  )
}
