import type { SqlType } from '../session.ts'
import type { Expression } from '../tsql/ast.ts'
import type { IndexFilter } from '../tsql/index-filter.ts'
import { columnOf, type Table } from './catalog.ts'
import { sqlError } from './errors.ts'
import { familyOf } from './types.ts'

/**
 * Refuses a filter of an index that the table's columns do not allow.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql "WHERE <filter_predicate>"
 */
export function checkIndexFilter(table: Table, index: string, filter: IndexFilter): void {
  const refuse = (number: number, what: string): Error =>
    sqlError(number, `Filtered index '${index}' cannot be created on table '${table.name}' because the ${what}`)
  for (const { column: name, constants } of filter.comparisons) {
    const column = columnOf(table, name)
    const inFilter = `column '${column.name}' in the filter expression is`
    if (column.computed !== undefined) {
      throw refuse(
        10609,
        `${inFilter} a computed column. Rewrite the filter expression so that it does not include this column.`,
      )
    }
    for (const constant of constants) {
      if (constant.kind === 'null') {
        throw refuse(
          10620,
          'filter expression contains a comparison with a literal NULL value. Rewrite the comparison to use the IS [NOT] NULL comparison operator to test for NULL values.',
        )
      }
      if (convertsColumn(column.type, constant)) {
        throw refuse(
          10611,
          `${inFilter} compared with a constant of higher data type precedence or of a different collation. Converting a column to the data type of a constant is not supported for filtered index. To resolve this error, explicitly convert the constant to the same data type and collation as the column '${column.name}'.`,
        )
      }
    }
  }
}

/** Whether a comparison would convert the column: to the number or, of char and varchar, to the Unicode that it is compared with. */
function convertsColumn(type: SqlType, constant: Expression): boolean {
  if (constant.kind !== 'cast' && constant.kind !== 'literal') return false
  const family = familyOf(type)
  if (family !== 'string' && family !== 'binary') return false
  const other = constant.type.name.toLowerCase()
  if (!/^n?(var)?char$|^(var)?binary$/.test(other)) return true
  return (type.name === 'char' || type.name === 'varchar') && other.startsWith('n')
}
