import type { SqlType } from '../session.ts'
import { type Bound, bound } from './bound.ts'
import { type Column, fold, type Table, tablesOf } from './catalog.ts'
import type { SessionState } from './state.ts'
import { indexesOf, keyViews } from './system-keys.ts'
import { type Kind, object, objectColumns, type Row, type View } from './system-objects.ts'
import { catalogType, defaultCollation, familyOf, systemTypes } from './types.ts'
import { literalSql, quote } from './values.ts'

const kinds: Readonly<Record<Kind, SqlType>> = {
  int: { name: 'int' },
  bit: { name: 'bit' },
  name: { name: 'nvarchar', length: 128 },
  text: { name: 'nvarchar', length: -1 },
  bigint: { name: 'bigint' },
  tinyint: { name: 'tinyint' },
  smallint: { name: 'smallint' },
  datetime: { name: 'datetime' },
}

function columnRow(table: Table, column: Column): Row {
  const type = catalogType(column.type)
  return {
    object_id: table.objectId,
    name: column.name,
    column_id: column.id,
    system_type_id: type.systemTypeId,
    user_type_id:
      column.alias?.id ?? systemTypes.find((t) => t.id === type.systemTypeId && t.name !== 'sysname')?.userId ?? 0,
    max_length: type.maxLength,
    precision: type.precision,
    scale: type.scale,
    collation_name:
      familyOf(column.type) === 'string' && column.type.name !== 'xml'
        ? (column.collation ?? table.database.collation)
        : null,
    is_nullable: column.nullable,
    is_ansi_padded: true,
    is_rowguidcol: column.rowGuid,
    is_identity: column.identity !== undefined,
    is_computed: column.computed !== undefined,
    is_filestream: false,
    is_sparse: column.sparse,
    is_column_set: false,
    is_hidden: false,
    is_masked: false,
    generated_always_type: 0,
    generated_always_type_desc: 'NOT_APPLICABLE',
    default_object_id: column.default?.objectId ?? 0,
    encryption_type: null,
    is_xml_document: false,
    definition: column.computed?.text ?? null,
    is_persisted: column.computed?.persisted ?? false,
    seed_value: column.identity?.seed ?? null,
    increment_value: column.identity?.increment ?? null,
    last_value: column.identity === undefined ? null : (table.identityLast ?? null),
    masking_function: null,
  }
}

const columnColumns =
  'object_id:int name:name column_id:int system_type_id:tinyint user_type_id:int max_length:smallint precision:tinyint scale:tinyint collation_name:name is_nullable:bit is_ansi_padded:bit is_rowguidcol:bit is_identity:bit is_computed:bit is_filestream:bit is_sparse:bit is_column_set:bit is_hidden:bit is_masked:bit generated_always_type:tinyint generated_always_type_desc:name default_object_id:int encryption_type:int is_xml_document:bit'

const columnsWhere = (keep: (c: Column) => boolean, more = ''): View => ({
  columns: columnColumns + more,
  rows: (d) => tablesOf(d).flatMap((t) => t.columns.filter(keep).map((c) => columnRow(t, c))),
})

const empty = (columns: string): View => ({ columns, rows: () => [] })

const views: Readonly<Record<string, View>> = {
  'sys.tables': {
    columns: `${objectColumns} temporal_type:tinyint temporal_type_desc:name is_memory_optimized:bit is_tracked_by_cdc:bit history_table_id:int is_external:bit is_node:bit is_edge:bit ledger_type:tinyint lock_escalation:tinyint`,
    rows: (d) =>
      tablesOf(d).map((t) => ({
        ...object(t.objectId, t.name, t, 'U ', 'USER_TABLE'),
        temporal_type: 0,
        temporal_type_desc: 'NON_TEMPORAL_TABLE',
        is_memory_optimized: false,
        is_tracked_by_cdc: false,
        history_table_id: null,
        is_external: false,
        is_node: false,
        is_edge: false,
        ledger_type: 0,
        lock_escalation: 0,
      })),
  },
  'sys.objects': {
    columns: objectColumns,
    rows: (d) =>
      tablesOf(d).flatMap((t) => [
        object(t.objectId, t.name, t, 'U ', 'USER_TABLE'),
        ...t.indexes
          .filter((i) => i.kind !== 'index')
          .map((i) =>
            object(
              i.objectId,
              i.name,
              t,
              i.kind === 'primaryKey' ? 'PK' : 'UQ',
              i.kind === 'primaryKey' ? 'PRIMARY_KEY_CONSTRAINT' : 'UNIQUE_CONSTRAINT',
              t.objectId,
            ),
          ),
        ...t.foreignKeys.map((f) => object(f.objectId, f.name, t, 'F ', 'FOREIGN_KEY_CONSTRAINT', t.objectId)),
        ...t.checks.map((c) => object(c.objectId, c.name, t, 'C ', 'CHECK_CONSTRAINT', t.objectId)),
        ...t.columns.flatMap((c) =>
          c.default === undefined
            ? []
            : [object(c.default.objectId, c.default.name, t, 'D ', 'DEFAULT_CONSTRAINT', t.objectId)],
        ),
      ]),
  },
  'sys.schemas': {
    columns: 'name:name schema_id:int principal_id:int',
    rows: (d) => [...d.schemas.values()].map((s) => ({ name: s.name, schema_id: s.id, principal_id: 1 })),
  },
  'sys.columns': columnsWhere(() => true),
  'sys.identity_columns': columnsWhere(
    (c) => c.identity !== undefined,
    ' seed_value:bigint increment_value:bigint last_value:bigint',
  ),
  'sys.computed_columns': columnsWhere((c) => c.computed !== undefined, ' definition:text is_persisted:bit'),
  'sys.masked_columns': columnsWhere(() => false, ' masking_function:text'),
  'sys.types': {
    columns:
      'name:name system_type_id:tinyint user_type_id:int schema_id:int principal_id:int max_length:smallint precision:tinyint scale:tinyint collation_name:name is_nullable:bit is_user_defined:bit is_assembly_type:bit default_object_id:int rule_object_id:int is_table_type:bit',
    rows: (d) => [
      ...systemTypes.map((t) => ({
        name: t.name,
        system_type_id: t.id,
        user_type_id: t.userId,
        schema_id: 4,
        principal_id: null,
        max_length: t.length,
        precision: t.precision,
        scale: t.scale,
        collation_name: null,
        is_nullable: true,
        is_user_defined: false,
        is_assembly_type: t.id === 240,
        default_object_id: 0,
        rule_object_id: 0,
        is_table_type: false,
      })),
      ...[...d.schemas.values()].flatMap((s) =>
        [...s.types.values()].map((t) => {
          const c = catalogType(t.type)
          return {
            name: t.name,
            system_type_id: c.systemTypeId,
            user_type_id: t.id,
            schema_id: s.id,
            principal_id: null,
            max_length: c.maxLength,
            precision: c.precision,
            scale: c.scale,
            collation_name: null,
            is_nullable: t.nullable,
            is_user_defined: true,
            is_assembly_type: false,
            default_object_id: 0,
            rule_object_id: 0,
            is_table_type: false,
          }
        }),
      ),
    ],
  },
  ...keyViews,
  'sys.databases': {
    columns:
      'name:name database_id:int collation_name:name compatibility_level:tinyint snapshot_isolation_state:tinyint snapshot_isolation_state_desc:name is_read_committed_snapshot_on:bit is_read_only:bit state:tinyint state_desc:name recovery_model:tinyint is_cdc_enabled:bit is_change_feed_enabled:bit is_encrypted:bit',
    rows: (_, s) =>
      [...s.engine.catalog.databases.values()].map((d) => ({
        name: d.name,
        database_id: d.id,
        collation_name: d.collation,
        compatibility_level: 160,
        snapshot_isolation_state: d.snapshotIsolation ? 1 : 0,
        snapshot_isolation_state_desc: d.snapshotIsolation ? 'ON' : 'OFF',
        is_read_committed_snapshot_on: d.readCommittedSnapshot,
        is_read_only: false,
        state: 0,
        state_desc: 'ONLINE',
        recovery_model: 3,
        is_cdc_enabled: false,
        is_change_feed_enabled: false,
        is_encrypted: false,
      })),
  },
  'sys.partitions': {
    columns: 'partition_id:bigint object_id:int index_id:int partition_number:int rows:bigint data_compression:tinyint',
    rows: (d, s) =>
      tablesOf(d).flatMap((t) =>
        indexesOf(t).map((i) => ({
          partition_id: BigInt(t.objectId),
          object_id: t.objectId,
          index_id: i['index_id'] ?? 0,
          partition_number: 1,
          get rows() {
            return s.rowCounts.of(t)
          },
          data_compression: 0,
        })),
      ),
  },
  'sys.dm_db_partition_stats': {
    columns: 'partition_id:bigint object_id:int index_id:int partition_number:int row_count:bigint',
    rows: (d, s) =>
      tablesOf(d).flatMap((t) =>
        indexesOf(t).map((i) => ({
          partition_id: BigInt(t.objectId),
          object_id: t.objectId,
          index_id: i['index_id'] ?? 0,
          partition_number: 1,
          get row_count() {
            return s.rowCounts.of(t)
          },
        })),
      ),
  },
  'sys.triggers': empty(
    `${objectColumns} parent_id:int parent_class:tinyint is_disabled:bit is_instead_of_trigger:bit`,
  ),
  'sys.views': empty(objectColumns),
  'sys.procedures': empty(objectColumns),
  'sys.synonyms': empty(`${objectColumns} base_object_name:name`),
  'sys.security_policies': empty(`${objectColumns} is_enabled:bit`),
  'sys.security_predicates': empty(
    'object_id:int security_predicate_id:int target_object_id:int predicate_definition:text predicate_type:int predicate_type_desc:name operation:int',
  ),
  'sys.change_tracking_tables': empty(
    'object_id:int is_track_columns_updated_on:bit min_valid_version:bigint begin_version:bigint cleanup_version:bigint',
  ),
  'sys.change_tracking_databases': empty(
    'database_id:int is_auto_cleanup_on:bit retention_period:int retention_period_units:tinyint',
  ),
  'sys.extended_properties': empty('class:tinyint major_id:int minor_id:int name:name value:text'),
  'sys.configurations': empty('configuration_id:int name:name value:int'),
  'information_schema.tables': {
    columns: 'TABLE_CATALOG:name TABLE_SCHEMA:name TABLE_NAME:name TABLE_TYPE:name',
    rows: (d) =>
      tablesOf(d).map((t) => ({
        TABLE_CATALOG: d.name,
        TABLE_SCHEMA: t.schema.name,
        TABLE_NAME: t.name,
        TABLE_TYPE: 'BASE TABLE',
      })),
  },
  'information_schema.columns': {
    columns:
      'TABLE_CATALOG:name TABLE_SCHEMA:name TABLE_NAME:name COLUMN_NAME:name ORDINAL_POSITION:int COLUMN_DEFAULT:text IS_NULLABLE:name DATA_TYPE:name CHARACTER_MAXIMUM_LENGTH:int NUMERIC_PRECISION:tinyint NUMERIC_SCALE:int DATETIME_PRECISION:smallint COLLATION_NAME:name',
    rows: (d) =>
      tablesOf(d).flatMap((t) =>
        t.columns.map((c, i) => ({
          TABLE_CATALOG: d.name,
          TABLE_SCHEMA: t.schema.name,
          TABLE_NAME: t.name,
          COLUMN_NAME: c.name,
          ORDINAL_POSITION: i + 1,
          COLUMN_DEFAULT: c.default?.text ?? null,
          IS_NULLABLE: c.nullable ? 'YES' : 'NO',
          DATA_TYPE: c.type.name === 'rowversion' ? 'timestamp' : c.type.name,
          CHARACTER_MAXIMUM_LENGTH: 'length' in c.type ? c.type.length : null,
          NUMERIC_PRECISION: familyOf(c.type) === 'number' ? catalogType(c.type).precision : null,
          NUMERIC_SCALE: familyOf(c.type) === 'number' ? catalogType(c.type).scale : null,
          DATETIME_PRECISION: familyOf(c.type) === 'datetime' ? catalogType(c.type).scale : null,
          COLLATION_NAME: familyOf(c.type) === 'string' ? (c.collation ?? d.collation) : null,
        })),
      ),
  },
}

/** A catalog view as a name finds it: its columns and its rows in the database that the name says. */
export interface NamedView {
  readonly fields: readonly { readonly field: string; readonly type: SqlType }[]
  readonly rows: () => readonly Row[]
}

/** Undefined when there is no view of the name. */
export function viewOf(
  state: SessionState,
  name: { readonly database: string | undefined; readonly schema: string | undefined; readonly object: string },
): NamedView | undefined {
  const view = views[`${fold(name.schema ?? '')}.${fold(name.object)}`]
  if (view === undefined) return undefined
  const database = name.database === undefined ? state.database : state.engine.catalog.database(name.database)
  return { fields: fieldsOf(view), rows: () => view.rows(database, state) }
}

const fieldsKnown = new Map<View, NamedView['fields']>()

function fieldsOf(view: View): NamedView['fields'] {
  const known = fieldsKnown.get(view)
  if (known !== undefined) return known
  const fields = view.columns.split(' ').map((f) => {
    const [field = '', kind = 'int'] = f.split(':')
    return { field, type: kinds[kind as Kind] } // the columns above are written so
  })
  fieldsKnown.set(view, fields)
  return fields
}

/** The columns of a view relative to an alias. */
export function viewColumns(view: NamedView, alias: string): readonly Bound[] {
  return view.fields.map(({ field, type }) =>
    bound(`${alias}.${field}`, type, {
      name: field,
      collation: familyOf(type) === 'string' ? defaultCollation : undefined,
    }),
  )
}

/** A view's rows as a relation of DuckDB. */
export function viewSql({ fields, rows }: NamedView): string {
  const cell = (row: Row, field: string, type: SqlType): string =>
    type.name === 'nvarchar' && typeof row[field] === 'string'
      ? quote(row[field])
      : literalSql(row[field] ?? null, type)
  const list = fields.map(({ field }) => field).join(', ')
  const values = rows().map((row) => `(${fields.map(({ field, type }) => cell(row, field, type)).join(', ')})`)
  const nulls = `(${fields.map(({ type }) => literalSql(null, type)).join(', ')})`
  return `(SELECT * FROM (VALUES ${values.length === 0 ? nulls : values.join(', ')}) AS v(${list})${values.length === 0 ? ' WHERE FALSE' : ''})`
}
