import { familyOf, isFixedLength, isUnicode, lengthOf } from './sql-type.ts'
import { collationTraits } from './collation.ts'
import type { MergeColumn } from './merge-strategy.ts'

/**
 * A condition that is true exactly when the bytes of `t`'s column and `s`'s differ, NULL being equal to NULL alone.
 *
 * Plain `<>` is not that. It is blind to letter case under a case-insensitive collation, to trailing spaces, to trailing zero
 * bytes, to the sign of zero and to a datetimeoffset's offset. So: strings are compared as varbinary, strings and binaries
 * also by DATALENGTH, floating point as binary, and datetimeoffset also by its offset.
 *
 * @see https://learn.microsoft.com/sql/t-sql/functions/datalength-transact-sql
 * @see https://learn.microsoft.com/sql/t-sql/data-types/datetimeoffset-transact-sql
 */
export function bytesDiffer(column: MergeColumn): string {
  const t = `t.${column.target}`
  const s = `s.${column.stage}`
  const differs = differences(column, t, s).join(' OR ')
  if (!column.nullable) return `(${differs})`
  return `(${differs} OR (${t} IS NULL AND ${s} IS NOT NULL) OR (${t} IS NOT NULL AND ${s} IS NULL))`
}

/** Whether two values that `=` finds equal always have equal bytes: then a matched key column needs no second look. */
export function equalMeansSameBytes(column: Pick<MergeColumn, 'type' | 'collation'>): boolean {
  switch (familyOf(column.type)) {
    case 'bit':
    case 'integer':
    case 'decimal':
    case 'date':
    case 'time':
    case 'datetime':
    case 'rowversion':
    case 'uniqueidentifier':
      return true
    case 'binary':
      return isFixedLength(column.type)
    case 'character':
      return isFixedLength(column.type) && column.collation !== undefined && collationTraits(column.collation).binary
    case 'float':
    case 'datetimeoffset':
    case 'xml':
    case 'json':
    case 'vector':
    case 'clr':
    case 'variant':
      return false
  }
}

/** The expression that turns a stage value into the target's type, where the stage holds another. `alias` is the stage's. */
export function stagedValue(column: MergeColumn, alias = 's'): string {
  const s = `${alias}.${column.stage}`
  switch (column.type.name) {
    case 'xml':
      return `CONVERT(xml, ${s}, 1)`
    case 'json':
    case 'hierarchyid':
    case 'geography':
    case 'geometry':
      return `CONVERT(${column.type.name}, ${s})`
    case 'vector':
      return `CONVERT(vector(${lengthOf(column.type)}), ${s})`
    default:
      return s
  }
}

function differences(column: MergeColumn, t: string, s: string): readonly string[] {
  const { type } = column
  switch (familyOf(type)) {
    case 'bit':
    case 'integer':
    case 'decimal':
    case 'date':
    case 'time':
    case 'datetime':
    case 'rowversion':
    case 'uniqueidentifier':
      return [`${t} <> ${s}`]
    case 'float': {
      const bytes = type.name === 'real' ? 4 : 8
      return [`CONVERT(binary(${bytes}), ${t}) <> CONVERT(binary(${bytes}), ${s})`]
    }
    case 'datetimeoffset':
      return [`${t} <> ${s}`, `DATEPART(tzoffset, ${t}) <> DATEPART(tzoffset, ${s})`]
    case 'character': {
      const bytes = lengthOf(type) * (isUnicode(type) ? 2 : 1)
      const binary = `varbinary(${bytes <= 8000 ? bytes : 'max'})`
      // text and ntext convert to varbinary only by way of their modern forms; the stage has those already.
      const left =
        type.name === 'text'
          ? `CONVERT(varchar(max), ${t})`
          : type.name === 'ntext'
            ? `CONVERT(nvarchar(max), ${t})`
            : t
      return [`DATALENGTH(${t}) <> DATALENGTH(${s})`, `CONVERT(${binary}, ${left}) <> CONVERT(${binary}, ${s})`]
    }
    case 'binary': {
      const left = type.name === 'image' ? `CONVERT(varbinary(max), ${t})` : t
      return [`DATALENGTH(${t}) <> DATALENGTH(${s})`, `${left} <> ${s}`]
    }
    case 'xml':
    case 'json':
    case 'vector': {
      const left = `CONVERT(nvarchar(max), ${t})`
      const right = `CONVERT(nvarchar(max), ${stagedValue(column)})`
      return [
        `DATALENGTH(${left}) <> DATALENGTH(${right})`,
        `CONVERT(varbinary(max), ${left}) <> CONVERT(varbinary(max), ${right})`,
      ]
    }
    case 'clr':
      return [`DATALENGTH(${t}) <> DATALENGTH(${s})`, `CONVERT(varbinary(max), ${t}) <> CONVERT(varbinary(max), ${s})`]
    case 'variant':
      return [
        ...['BaseType', 'Precision', 'Scale', 'MaxLength', 'Collation'].map(
          (property) => `SQL_VARIANT_PROPERTY(${t}, '${property}') <> SQL_VARIANT_PROPERTY(${s}, '${property}')`,
        ),
        `DATALENGTH(${t}) <> DATALENGTH(${s})`,
        `CONVERT(varbinary(8000), ${t}) <> CONVERT(varbinary(8000), ${s})`,
      ]
  }
}
