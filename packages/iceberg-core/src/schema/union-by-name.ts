import { IcebergError } from '../errors.ts'
import type { FormatVersion } from '../metadata/table-metadata.ts'
import { canPromote } from './promotion.ts'
import type { AddColumn, SchemaChanges } from './schema-changes.ts'
import type { Schema } from './schema.ts'
import { formatType } from './type-json.ts'
import { isPrimitive, type NestedField, type Type } from './type.ts'

/**
 * The changes after which `schema` can hold every row of `other`: columns are added as optional, widened and made
 * optional, at every depth, and take docs over. A column that is wider already stays as it is.
 *
 * @throws IcebergError `invalid-schema` for a column whose types have no union.
 */
export function unionByName(
  schema: Pick<Schema, 'fields'>,
  other: Pick<Schema, 'fields'>,
  formatVersion: FormatVersion,
): SchemaChanges {
  const union = new Union(formatVersion)
  union.fields(schema.fields, other.fields, undefined)
  return union
}

class Union implements SchemaChanges {
  readonly addColumns: AddColumn[] = []
  readonly updateTypes: { readonly column: string; readonly type: Type }[] = []
  readonly makeOptional: string[] = []
  readonly documentColumns: { readonly column: string; readonly doc: string }[] = []
  readonly #formatVersion: FormatVersion

  constructor(formatVersion: FormatVersion) {
    this.#formatVersion = formatVersion
  }

  fields(mine: readonly NestedField[], theirs: readonly NestedField[], parent: string | undefined): void {
    for (const field of theirs) {
      const existing = mine.find((candidate) => candidate.name === field.name)
      const path = parent === undefined ? field.name : `${parent}.${field.name}`
      if (existing === undefined) {
        const { name, type, doc } = field
        this.addColumns.push({ name, type, parent, doc })
        continue
      }
      if (field.doc !== undefined && field.doc !== existing.doc) {
        this.documentColumns.push({ column: path, doc: field.doc })
      }
      this.#nested(path, existing, field)
    }
  }

  #nested(path: string, mine: Pick<NestedField, 'required' | 'type'>, theirs: Pick<NestedField, 'required' | 'type'>) {
    if (mine.required && !theirs.required) this.makeOptional.push(path)
    this.#type(path, mine.type, theirs.type)
  }

  #type(path: string, mine: Type, theirs: Type): void {
    if (isPrimitive(mine) || isPrimitive(theirs)) {
      // A value of the narrower type fits already.
      if (canPromote(theirs, mine, this.#formatVersion)) return
      if (!canPromote(mine, theirs, this.#formatVersion)) throw noUnion(path, mine, theirs)
      this.updateTypes.push({ column: path, type: theirs })
      return
    }
    if (mine.kind === 'struct' && theirs.kind === 'struct') {
      this.fields(mine.fields, theirs.fields, path)
    } else if (mine.kind === 'list' && theirs.kind === 'list') {
      this.#nested(
        `${path}.element`,
        { required: mine.elementRequired, type: mine.element },
        { required: theirs.elementRequired, type: theirs.element },
      )
    } else if (mine.kind === 'map' && theirs.kind === 'map') {
      this.#type(`${path}.key`, mine.key, theirs.key)
      this.#nested(
        `${path}.value`,
        { required: mine.valueRequired, type: mine.value },
        { required: theirs.valueRequired, type: theirs.value },
      )
    } else {
      throw noUnion(path, mine, theirs)
    }
  }
}

function noUnion(path: string, mine: Type, theirs: Type): IcebergError {
  return new IcebergError(
    'invalid-schema',
    `column ${path} is of type ${formatType(mine)} and cannot also hold ${formatType(theirs)}`,
    { context: { column: path, from: formatType(mine), to: formatType(theirs) } },
  )
}
