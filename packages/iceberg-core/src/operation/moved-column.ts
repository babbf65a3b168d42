import type { Expression } from '../expression/expression.ts'
import { currentSchema, type TableMetadata } from '../metadata/table-metadata.ts'
import { findFieldByName } from '../schema/schema.ts'
import { typesEqual } from '../schema/type.ts'

/**
 * Why a filter that was made for the schema of `base` does not mean the same rows in that of `head`: a column of it was
 * dropped, renamed or widened meanwhile, or another one has its name. `undefined` when it does.
 */
export function movedColumn(filter: Expression, base: TableMetadata, head: TableMetadata): string | undefined {
  if (base.currentSchemaId === head.currentSchemaId) return undefined
  const [before, now] = [currentSchema(base), currentSchema(head)]
  for (const column of columnsOf(filter)) {
    const [was, is] = [findFieldByName(before, column), findFieldByName(now, column)]
    if (was === undefined || (is?.id === was.id && typesEqual(is.type, was.type))) continue
    return `column ${column}, which the filter names, was changed in the meantime`
  }
  return undefined
}

function columnsOf(filter: Expression): readonly string[] {
  switch (filter.op) {
    case 'true':
    case 'false':
      return []
    case 'and':
    case 'or':
      return [...columnsOf(filter.left), ...columnsOf(filter.right)]
    case 'not':
      return columnsOf(filter.child)
    default:
      return [filter.column]
  }
}
