import type { SqlValue } from '../session.ts'
import type { Database, Table } from './catalog.ts'
import type { SessionState } from './state.ts'

export type Kind = 'int' | 'bit' | 'name' | 'text' | 'bigint' | 'tinyint' | 'smallint' | 'datetime'
export type Row = Readonly<Record<string, SqlValue>>
/** A catalog view: its columns as `name:kind`, and its rows in one database. */
export interface View {
  readonly columns: string
  rows(database: Database, state: SessionState): readonly Row[]
}

const created = 45_000n * 25_920_000n

/** The row of sys.objects. */
export const object = (id: number, name: string, table: Table, type: string, description: string, parent = 0): Row => ({
  object_id: id,
  name,
  schema_id: table.schema.id,
  parent_object_id: parent,
  type,
  type_desc: description,
  create_date: created,
  modify_date: created,
  is_ms_shipped: false,
  principal_id: null,
})

export const objectColumns =
  'name:name object_id:int principal_id:int schema_id:int parent_object_id:int type:name type_desc:name create_date:datetime modify_date:datetime is_ms_shipped:bit'
