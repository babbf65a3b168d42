import { columnById, type Table, tablesOf } from './catalog.ts'
import { object, objectColumns, type Row, type View } from './system-objects.ts'

/** The views of indexes and constraints. */
export const keyViews: Readonly<Record<string, View>> = {
  'sys.indexes': {
    columns:
      'object_id:int name:name index_id:int type:tinyint type_desc:name is_unique:bit data_space_id:int ignore_dup_key:bit is_primary_key:bit is_unique_constraint:bit fill_factor:tinyint is_padded:bit is_disabled:bit is_hypothetical:bit allow_row_locks:bit allow_page_locks:bit has_filter:bit filter_definition:text',
    rows: (d) => tablesOf(d).flatMap(indexesOf),
  },
  'sys.index_columns': {
    columns:
      'object_id:int index_id:int index_column_id:int column_id:int key_ordinal:tinyint partition_ordinal:tinyint is_descending_key:bit is_included_column:bit',
    rows: (d) =>
      tablesOf(d).flatMap((t) =>
        t.indexes.flatMap((i) => [
          ...i.columns.map((c, n) => ({
            object_id: t.objectId,
            index_id: i.id,
            index_column_id: n + 1,
            column_id: c.id,
            key_ordinal: n + 1,
            partition_ordinal: 0,
            is_descending_key: c.descending,
            is_included_column: false,
          })),
          ...i.include.map((c, n) => ({
            object_id: t.objectId,
            index_id: i.id,
            index_column_id: i.columns.length + n + 1,
            column_id: c,
            key_ordinal: 0,
            partition_ordinal: 0,
            is_descending_key: false,
            is_included_column: true,
          })),
        ]),
      ),
  },
  'sys.key_constraints': {
    columns: `${objectColumns} unique_index_id:int is_system_named:bit`,
    rows: (d) =>
      tablesOf(d).flatMap((t) =>
        t.indexes
          .filter((i) => i.kind !== 'index')
          .map((i) => ({
            ...object(
              i.objectId,
              i.name,
              t,
              i.kind === 'primaryKey' ? 'PK' : 'UQ',
              i.kind === 'primaryKey' ? 'PRIMARY_KEY_CONSTRAINT' : 'UNIQUE_CONSTRAINT',
              t.objectId,
            ),
            unique_index_id: i.id,
            is_system_named: false,
          })),
      ),
  },
  'sys.foreign_keys': {
    columns: `${objectColumns} referenced_object_id:int key_index_id:int is_disabled:bit is_not_trusted:bit delete_referential_action:tinyint update_referential_action:tinyint`,
    rows: (d) =>
      tablesOf(d).flatMap((t) =>
        t.foreignKeys.map((f) => ({
          ...object(f.objectId, f.name, t, 'F ', 'FOREIGN_KEY_CONSTRAINT', t.objectId),
          referenced_object_id: f.tableId,
          key_index_id: 1,
          is_disabled: false,
          is_not_trusted: false,
          delete_referential_action: 0,
          update_referential_action: 0,
        })),
      ),
  },
  'sys.foreign_key_columns': {
    columns:
      'constraint_object_id:int constraint_column_id:int parent_object_id:int parent_column_id:int referenced_object_id:int referenced_column_id:int',
    rows: (d) =>
      tablesOf(d).flatMap((t) =>
        t.foreignKeys.flatMap((f) =>
          f.columns.map((c, n) => ({
            constraint_object_id: f.objectId,
            constraint_column_id: n + 1,
            parent_object_id: t.objectId,
            parent_column_id: c,
            referenced_object_id: f.tableId,
            referenced_column_id: f.references[n] ?? 0,
          })),
        ),
      ),
  },
  'sys.default_constraints': {
    columns: `${objectColumns} parent_column_id:int definition:text is_system_named:bit`,
    rows: (d) =>
      tablesOf(d).flatMap((t) =>
        t.columns.flatMap((c) =>
          c.default === undefined
            ? []
            : [
                {
                  ...object(c.default.objectId, c.default.name, t, 'D ', 'DEFAULT_CONSTRAINT', t.objectId),
                  parent_column_id: c.id,
                  definition: c.default.text,
                  is_system_named: false,
                },
              ],
        ),
      ),
  },
  'sys.check_constraints': {
    columns: `${objectColumns} parent_column_id:int definition:text is_disabled:bit`,
    rows: (d) =>
      tablesOf(d).flatMap((t) =>
        t.checks.map((c) => ({
          ...object(c.objectId, c.name, t, 'C ', 'CHECK_CONSTRAINT', t.objectId),
          parent_column_id: c.columnId === undefined ? 0 : columnById(t, c.columnId).id,
          definition: c.text,
          is_disabled: false,
        })),
      ),
  },
}

/** sys.indexes of a table, its heap included. */
export function indexesOf(table: Table): Row[] {
  const rows: Row[] = table.indexes.map((i) => ({
    object_id: table.objectId,
    name: i.name,
    index_id: i.id,
    type: i.clustered ? 1 : 2,
    type_desc: i.clustered ? 'CLUSTERED' : 'NONCLUSTERED',
    is_unique: i.unique,
    data_space_id: 1,
    ignore_dup_key: false,
    is_primary_key: i.kind === 'primaryKey',
    is_unique_constraint: i.kind === 'uniqueConstraint',
    fill_factor: 0,
    is_padded: false,
    is_disabled: false,
    is_hypothetical: false,
    allow_row_locks: true,
    allow_page_locks: true,
    has_filter: i.filter !== undefined,
    filter_definition: i.filter ?? null,
  }))
  if (!table.indexes.some((i) => i.clustered)) {
    rows.unshift({
      object_id: table.objectId,
      name: null,
      index_id: 0,
      type: 0,
      type_desc: 'HEAP',
      is_unique: false,
      data_space_id: 1,
      ignore_dup_key: false,
      is_primary_key: false,
      is_unique_constraint: false,
      fill_factor: 0,
      is_padded: false,
      is_disabled: false,
      is_hypothetical: false,
      allow_row_locks: true,
      allow_page_locks: true,
      has_filter: false,
      filter_definition: null,
    })
  }
  return rows
}
