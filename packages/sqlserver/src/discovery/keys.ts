import type { KeyDefinition } from '../table-definition.ts'
import type { RunQuery } from './discover-tables.ts'

/**
 * Unique indexes with their key columns; a disabled index guards nothing and is left out.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-indexes-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-index-columns-transact-sql
 */
const keysQuery = [
  'SELECT i.[index_id] AS [id], i.[name] AS [name], i.[is_primary_key] AS [primaryKey],',
  'i.[is_unique_constraint] AS [uniqueConstraint], CONVERT(int, i.[type]) AS [type], i.[has_filter] AS [filtered],',
  'c.[name] AS [column], k.[is_descending_key] AS [descending]',
  'FROM sys.indexes AS i',
  'JOIN sys.index_columns AS k ON k.[object_id] = i.[object_id] AND k.[index_id] = i.[index_id]',
  'JOIN sys.columns AS c ON c.[object_id] = k.[object_id] AND c.[column_id] = k.[column_id]',
  'WHERE i.[object_id] = @objectId AND i.[is_unique] = 1 AND i.[is_disabled] = 0',
  ' AND i.[is_hypothetical] = 0 AND k.[key_ordinal] > 0',
  'ORDER BY i.[is_primary_key] DESC, i.[index_id], k.[key_ordinal]',
].join(' ')

/** The unique keys of a table, the primary key first. */
export async function readKeyRows(run: RunQuery, objectId: number): Promise<readonly KeyDefinition[]> {
  const rows = await run({
    text: keysQuery,
    parameters: [{ name: 'objectId', type: { name: 'int' }, value: objectId }],
  })
  const keys = new Map<unknown, KeyDefinition & { readonly columns: { name: string; descending: boolean }[] }>()
  for (const row of rows) {
    const { id } = row
    let key = keys.get(id)
    if (key === undefined) {
      key = {
        name: String(row['name']),
        kind:
          row['primaryKey'] === true
            ? 'primary-key'
            : row['uniqueConstraint'] === true
              ? 'unique-constraint'
              : 'unique-index',
        clustered: row['type'] === 1,
        columns: [],
        filtered: row['filtered'] === true,
      }
      keys.set(id, key)
    }
    key.columns.push({ name: String(row['column']), descending: row['descending'] === true })
  }
  return [...keys.values()]
}
