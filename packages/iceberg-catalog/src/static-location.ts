import {
  IcebergError,
  isIcebergError,
  metadataVersion,
  type FileEntry,
  type FileIO,
  type IOOptions,
} from '@icebridge/iceberg-core'

const metadataFileName = /^(?:v\d+|\d+-.+?)(?:\.gz)?\.metadata\.json(?:\.gz)?$/

/**
 * The metadata file that a location means: the file itself, or the newest one of a table folder. A folder's `version-hint.text`
 * decides, with the versions after it; without one the highest version among the files' names.
 *
 * @throws IcebergError `not-found` when the folder has no metadata; `invalid-argument` when two files have the highest version.
 */
export async function findMetadataFile(io: FileIO, location: string, options: IOOptions = {}): Promise<string> {
  if (/\.json(\.gz)?$/i.test(location)) return location
  const folder = location.replace(/(?<=.)\/+$/, '')
  const metadata = folder.endsWith('/metadata') ? folder : `${folder}/metadata`
  const hint = await readHint(io, `${metadata}/version-hint.text`, options)
  const hinted = hint === undefined ? undefined : await followHint(io, metadata, hint, options)
  return hinted ?? (await newestFile(io, metadata, options))
}

async function readHint(io: FileIO, path: string, options: IOOptions): Promise<string | undefined> {
  try {
    const text = new TextDecoder().decode(await io.read(path, options)).trim()
    return text === '' ? undefined : text
  } catch (error) {
    if (isIcebergError(error, 'not-found')) return undefined
    throw error
  }
}

/** A hint is a version number (Hadoop tables) or a metadata file's name, with or without its ending (DuckDB and others). */
async function followHint(io: FileIO, folder: string, hint: string, options: IOOptions): Promise<string | undefined> {
  if (!/^\d+$/.test(hint)) {
    const stem = hint.slice(hint.lastIndexOf('/') + 1)
    return await firstPresent(
      io,
      [`${folder}/${stem}`, ...spellings(`${folder}/${stem}`)].filter(isMetadataFile),
      options,
    )
  }
  let found: string | undefined
  // A Hadoop writer puts the file in place before it updates the hint, which may therefore be behind.
  for (let version = Number(hint); ; version++) {
    const next = await firstPresent(io, spellings(`${folder}/v${version}`), options)
    if (next === undefined) return found
    found = next
  }
}

function spellings(stem: string): readonly string[] {
  return [`${stem}.metadata.json`, `${stem}.gz.metadata.json`, `${stem}.metadata.json.gz`]
}

function isMetadataFile(path: string): boolean {
  return /\.metadata\.json(\.gz)?$/.test(path)
}

async function firstPresent(io: FileIO, paths: readonly string[], options: IOOptions): Promise<string | undefined> {
  for (const path of paths) {
    try {
      await io.stat(path, options)
      return path
    } catch (error) {
      if (!isIcebergError(error, 'not-found')) throw error
    }
  }
  return undefined
}

async function newestFile(io: FileIO, folder: string, options: IOOptions): Promise<string> {
  let newest: FileEntry[] = []
  let highest = -1
  for await (const entry of io.list(`${folder}/`, options)) {
    const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
    if (!metadataFileName.test(name)) continue
    const version = metadataVersion(name)
    if (version > highest) newest = []
    if (version >= highest) newest.push(entry)
    highest = Math.max(highest, version)
  }
  const [file, rival] = newest.sort((a, b) => (a.path < b.path ? -1 : 1))
  if (file === undefined) {
    throw new IcebergError('not-found', `There is no Iceberg table in ${folder.replace(/\/metadata$/, '')}`, {
      context: { path: folder },
      hint: 'Give a table folder (one that has a metadata folder) or a metadata file (*.metadata.json).',
    })
  }
  if (rival !== undefined) {
    throw new IcebergError(
      'invalid-argument',
      `Two metadata files have version ${highest}: ${file.path} and ${rival.path}`,
      {
        context: { path: folder, version: highest },
        hint: 'One of them lost a race and only the catalog knows which. Open the table through its catalog, or name the file.',
      },
    )
  }
  return file.path
}
