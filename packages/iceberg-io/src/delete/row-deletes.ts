import { type DataFile, formatIdentifier, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { PositionSet } from './position-set.ts'

/** Rows to delete from one data file, by their positions in it. */
export interface RowDeletes {
  /** The data file as its manifest has it. */
  readonly file: DataFile
  readonly positions: Iterable<bigint | number>
}

/**
 * The deletes by data file, in the order of their paths, all of one file in one set. Files without a position are left out.
 *
 * @throws IcebergIoError `invalid-argument` for a file that is no data file, or a position past its rows.
 */
export function gatherDeletes(
  deletes: Iterable<RowDeletes>,
): readonly { readonly file: DataFile; readonly positions: PositionSet }[] {
  const gathered = new Map<string, { readonly file: DataFile; readonly positions: PositionSet }>()
  for (const { file, positions } of deletes) {
    if (file.content !== 'data') throw refused(file, 'is no data file, and rows are deleted from data files only')
    let found = gathered.get(file.filePath)
    if (found === undefined) {
      found = { file, positions: new PositionSet() }
      gathered.set(file.filePath, found)
    }
    if (positions instanceof PositionSet) found.positions.addAll(positions)
    else for (const position of positions) found.positions.add(position)
    const highest = found.positions.highest
    if (highest !== undefined && highest >= file.recordCount) {
      throw refused(file, `has ${file.recordCount} rows and none at position ${highest}`)
    }
  }
  return [...gathered.values()]
    .filter(({ positions }) => !positions.isEmpty)
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.file.filePath), Buffer.from(b.file.filePath)))
}

export type DeleteKind = 'position deletes' | 'equality deletes' | 'deletion vectors'

/** Which format versions take a kind of deletes, and what to write to others. */
const kinds: Readonly<Record<DeleteKind, { readonly versions: readonly number[]; readonly hint: string | undefined }>> =
  {
    'position deletes': {
      versions: [2],
      hint: 'Write deletion vectors (writeDeletionVectors) to tables of version 3.',
    },
    'equality deletes': { versions: [2, 3], hint: undefined },
    'deletion vectors': {
      versions: [3],
      hint: 'Write position deletes (writePositionDeletes), or upgrade the table to version 3.',
    },
  }

/** @throws IcebergIoError `invalid-argument` unless the table's format version takes this kind of deletes. */
export function checkFormatVersion(table: TableHandle, kind: DeleteKind): void {
  const { formatVersion } = table.loaded.metadata
  const name = formatIdentifier(table.identifier)
  const { versions, hint } = kinds[kind]
  if (versions.includes(formatVersion)) return
  throw new IcebergIoError(
    'invalid-argument',
    `${kind} are not written to ${name}, of format version ${formatVersion}`,
    {
      context: { table: name, formatVersion },
      hint: formatVersion < 2 ? 'Upgrade the table to version 2 or 3.' : hint,
    },
  )
}

function refused(file: DataFile, what: string): IcebergIoError {
  return new IcebergIoError('invalid-argument', `${file.filePath} ${what}`, { context: { file: file.filePath } })
}
