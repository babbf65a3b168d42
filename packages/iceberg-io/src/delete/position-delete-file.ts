import { columnView } from '@icebridge/columnar'
import {
  type DataFile,
  deleteFilePathColumn,
  deletePositionColumn,
  type FileIO,
  nameMappingProperty,
  serializeNameMapping,
} from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { type MapPath, readDataRows } from '../read/data-rows.ts'
import { PositionSet } from './position-set.ts'

/** Read as optional, so that a null is told with the name of the file. */
const fields = [deleteFilePathColumn, deletePositionColumn].map((field) => ({ ...field, required: false }))

/** Files that carry no field ids have the columns under their own names. */
const properties = {
  [nameMappingProperty]: serializeNameMapping(
    fields.map((field) => ({ names: [field.name], fieldId: field.id, fields: [] })),
  ),
}

/**
 * The deletes of a position delete file, one set for each stretch of rows of one data file: in a sorted file, as the
 * spec wants them, one for each data file.
 *
 * @throws IcebergIoError `malformed-file`, `unsupported-file`, naming the delete file.
 * @see https://iceberg.apache.org/spec/#position-delete-files
 */
export async function* readPositionDeletes(
  io: FileIO,
  file: DataFile,
  options: { readonly mapPath?: MapPath | undefined; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<{ readonly dataFile: string; readonly positions: PositionSet }, void, undefined> {
  let path: Buffer | undefined
  let positions = new PositionSet()
  for await (const { batch } of readDataRows(io, file, { fields, properties, ...options })) {
    const [paths, rows] = [columnView(batch, 0), columnView(batch, 1)]
    if (paths.kind !== 'string' || rows.kind !== 'int64') throw new TypeError('a path and a position')
    if (paths.nullCount > 0 || rows.nullCount > 0) throw malformed(file, 'has rows without a path or a position')
    for (let row = 0; row < batch.numRows; row++) {
      const own = paths.bytes(row)
      if (path === undefined || path.compare(own) !== 0) {
        if (path !== undefined) yield { dataFile: path.toString(), positions }
        path = Buffer.from(own)
        positions = new PositionSet()
      }
      const position = rows.value(row)
      if (position < 0n) throw malformed(file, `has the position ${position}`)
      positions.add(position)
    }
  }
  if (path !== undefined) yield { dataFile: path.toString(), positions }
}

function malformed(file: DataFile, what: string): IcebergIoError {
  return new IcebergIoError('malformed-file', `the position delete file ${file.filePath} ${what}`, {
    context: { file: file.filePath },
    hint: 'The file is damaged or was written by a faulty tool; rewrite the table’s position deletes.',
  })
}
