import type { Row } from '../exact-values/row-values.ts'
import { isSqlTypeName, type SqlType } from '../sql-type.ts'
import type { ColumnDefinition, ColumnProblem } from '../table-definition.ts'
import type { RunQuery } from './discover-tables.ts'

/**
 * The columns with their base types: an alias type's base is the type whose user_type_id is the column's system_type_id; the CLR
 * types have none and go by their own name.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-identity-columns-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-computed-columns-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql
 */
const columnsQuery = [
  'SELECT c.[column_id] AS [ordinal], c.[name] AS [name], b.[name] AS [baseType], u.[name] AS [declaredType],',
  'u.[is_user_defined] AS [userDefined], us.[name] AS [typeSchema], CONVERT(int, c.[max_length]) AS [maxLength],',
  'CONVERT(int, c.[precision]) AS [precision], CONVERT(int, c.[scale]) AS [scale], c.[collation_name] AS [collation],',
  'c.[is_nullable] AS [nullable], c.[is_masked] AS [masked], c.[is_sparse] AS [sparse], c.[is_hidden] AS [hidden],',
  'c.[is_column_set] AS [columnSet], CONVERT(int, c.[encryption_type]) AS [encryption],',
  'CONVERT(int, c.[generated_always_type]) AS [generatedAlways],',
  'CONVERT(nvarchar(40), i.[seed_value]) AS [seed], CONVERT(nvarchar(40), i.[increment_value]) AS [increment],',
  'p.[definition] AS [computed], p.[is_persisted] AS [persisted], d.[definition] AS [default]',
  'FROM sys.columns AS c',
  'JOIN sys.types AS u ON u.[user_type_id] = c.[user_type_id]',
  'LEFT JOIN sys.schemas AS us ON us.[schema_id] = u.[schema_id]',
  'LEFT JOIN sys.types AS b ON b.[user_type_id] = c.[system_type_id]',
  'LEFT JOIN sys.identity_columns AS i ON i.[object_id] = c.[object_id] AND i.[column_id] = c.[column_id]',
  'LEFT JOIN sys.computed_columns AS p ON p.[object_id] = c.[object_id] AND p.[column_id] = c.[column_id]',
  'LEFT JOIN sys.default_constraints AS d',
  ' ON d.[parent_object_id] = c.[object_id] AND d.[parent_column_id] = c.[column_id]',
  'WHERE c.[object_id] = @objectId ORDER BY c.[column_id]',
].join(' ')

/** The columns of a table in order, and those whose types are outside the contract. */
export async function readColumnRows(
  run: RunQuery,
  objectId: number,
): Promise<{ readonly columns: readonly ColumnDefinition[]; readonly problems: readonly ColumnProblem[] }> {
  const rows = await run({
    text: columnsQuery,
    parameters: [{ name: 'objectId', type: { name: 'int' }, value: objectId }],
  })
  const columns: ColumnDefinition[] = []
  const problems: ColumnProblem[] = []
  for (const row of rows) {
    const type = sqlType(row)
    const reason = refusal(row, type)
    if (type === undefined || reason !== undefined)
      problems.push(problem(row, reason ?? 'it is outside the type contract'))
    else columns.push(definition(row, type))
  }
  return { columns, problems }
}

function definition(row: Row, type: SqlType): ColumnDefinition {
  const { seed, increment, computed, collation } = row
  const fallback = row['default']
  const generated = row['generatedAlways']
  return {
    ordinal: Number(row['ordinal']),
    name: String(row['name']),
    type,
    ...(row['userDefined'] === true
      ? { aliasType: `${String(row['typeSchema'])}.${String(row['declaredType'])}` }
      : {}),
    nullable: row['nullable'] === true,
    ...(typeof collation === 'string' ? { collation } : {}),
    ...(seed === null || seed === undefined ? {} : { identity: { seed: String(seed), increment: String(increment) } }),
    ...(typeof computed === 'string'
      ? { computed: { expression: computed, persisted: row['persisted'] === true } }
      : {}),
    rowversion: type.name === 'rowversion',
    masked: row['masked'] === true,
    sparse: row['sparse'] === true,
    hidden: row['hidden'] === true,
    ...(generated === 1 ? { generatedAlways: 'row-start' } : generated === 2 ? { generatedAlways: 'row-end' } : {}),
    ...(typeof fallback === 'string' ? { defaultExpression: fallback } : {}),
  }
}

/** Undefined when the type is outside the contract. */
function sqlType(row: Row): SqlType | undefined {
  const base = row['baseType'] ?? row['declaredType']
  const name = base === 'timestamp' ? 'rowversion' : base
  if (typeof name !== 'string' || !isSqlTypeName(name)) return undefined
  // A CLR type of somebody's own may be called geography too.
  if (row['baseType'] === null && row['userDefined'] === true) return undefined
  const bytes = Number(row['maxLength'])
  const length = bytes === -1 ? 'max' : bytes
  const collation = typeof row['collation'] === 'string' ? { collation: row['collation'] } : {}
  switch (name) {
    case 'decimal':
    case 'numeric':
      return { name, precision: Number(row['precision']), scale: Number(row['scale']) }
    case 'time':
    case 'datetime2':
    case 'datetimeoffset':
      return { name, scale: Number(row['scale']) }
    case 'char':
    case 'varchar':
      return { name, length, ...collation }
    case 'nchar':
    case 'nvarchar':
      return { name, length: length === 'max' ? 'max' : length / 2, ...collation }
    case 'text':
    case 'ntext':
      return { name, ...collation }
    case 'binary':
    case 'varbinary':
      return { name, length }
    case 'vector':
      // Eight bytes before four a dimension.
      return { name, length: (bytes - 8) / 4 }
    default:
      return { name }
  }
}

function refusal(row: Row, type: SqlType | undefined): string | undefined {
  if (row['columnSet'] === true) return 'a column set repeats the sparse columns'
  if (row['encryption'] !== null && row['encryption'] !== undefined) return 'Always Encrypted columns cannot be read'
  return type === undefined ? 'it is outside the type contract' : undefined
}

function problem(row: Row, reason: string): ColumnProblem {
  const column = String(row['name'])
  const type = String(row['declaredType'] ?? row['baseType'])
  return {
    code: 'unsupported-type',
    column,
    type,
    message: `${column} (${type}): ${reason}`,
    hint: 'Leave the column out with a view, or change its type.',
  }
}
