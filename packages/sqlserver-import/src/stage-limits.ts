import type { SqlType } from '@icebridge/sqlserver'
import type { ImportColumn, ImportProblem } from './import-plan.ts'
import { lengthOf } from './sql-type.ts'
import { wholeType } from './staged-narrowing.ts'

/** Columns of the stage beside the target's: the sequence number and the operation. */
const ownColumns = 2
/** @see https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server */
export const maxColumns = 1024
/** @see https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server "Bytes per row" */
const maxRowBytes = 8060

/** What keeps a plan's columns from standing in one stage, which is a table like any other. Pure. */
export function stageProblems(columns: readonly ImportColumn[]): readonly ImportProblem[] {
  const types = columns.flatMap((column) =>
    column.verdict === 'exact'
      ? [column.target.type]
      : column.verdict === 'narrowed'
        ? [column.target.type, wholeType(column.source.type)]
        : [],
  )
  const problems: ImportProblem[] = []
  const count = types.reduce((sum, type) => sum + (type.name === 'sql_variant' ? 3 : 1), ownColumns)
  if (count > maxColumns) {
    problems.push({
      code: 'too-many-columns',
      message: `its rows are staged in ${count} columns, and SQL Server takes ${maxColumns} in a table`,
      hint: `Name columns that need not be written in skipColumns, until ${maxColumns} are left.`,
    })
  }
  const bytes = stagedRowBytes(types)
  if (bytes > maxRowBytes) {
    problems.push({
      code: 'row-too-wide',
      message: `its rows are staged in at least ${bytes} bytes, and SQL Server takes ${maxRowBytes} in a row`,
      hint: 'Make long char, nchar and binary columns of the target varying ones, or name some in skipColumns.',
    })
  }
  return problems
}

/**
 * The least that a row of the stage takes: what is fixed, and two bytes a varying column; values of those may go off the row.
 * Bits share bytes eight at a time.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/databases/estimate-the-size-of-a-heap
 */
function stagedRowBytes(types: readonly SqlType[]): number {
  const bits = types.filter((type) => type.name === 'bit').length
  const widths = types.filter((type) => type.name !== 'bit').map(fixedBytes)
  const fixed = widths.reduce<number>((sum, width) => sum + (width ?? 0), Math.ceil(bits / 8) + 8)
  // The operation varies in length.
  const varying = widths.filter((width) => width === undefined).length + 1
  const nullBitmap = 2 + Math.ceil((types.length + ownColumns) / 8)
  return 4 + fixed + nullBitmap + 2 + 2 * varying + 'upsert'.length
}

/** Undefined for a type of varying length. */
function fixedBytes(type: SqlType): number | undefined {
  switch (type.name) {
    case 'tinyint':
      return 1
    case 'smallint':
      return 2
    case 'date':
      return 3
    case 'int':
    case 'real':
    case 'smallmoney':
    case 'smalldatetime':
      return 4
    case 'bigint':
    case 'float':
    case 'money':
    case 'datetime':
    case 'rowversion':
      return 8
    case 'uniqueidentifier':
      return 16
    case 'decimal':
    case 'numeric': {
      const { precision = 18 } = type
      return precision <= 9 ? 5 : precision <= 19 ? 9 : precision <= 28 ? 13 : 17
    }
    case 'time':
      return clockBytes(type)
    case 'datetime2':
      return clockBytes(type) + 3
    case 'datetimeoffset':
      return clockBytes(type) + 5
    case 'char':
    case 'binary':
      return lengthOf(type)
    case 'nchar':
      return lengthOf(type) * 2
    default:
      return undefined
  }
}

function clockBytes({ scale = 7 }: SqlType): number {
  return scale <= 2 ? 3 : scale <= 4 ? 4 : 5
}
