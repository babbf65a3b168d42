import type { SqlType } from '../session.ts'
import type { ColumnSpec, IndexColumn, TableConstraint } from '../tsql/ast.ts'
import { parseExpressionText } from '../tsql/statements.ts'
import { Binder, checkCollation } from './bind.ts'
import { type Column, columnOf, displayName, findColumn, fold, type Index, splitName, type Table } from './catalog.ts'
import { sqlError } from './errors.ts'
import { findTable, typeOf } from './names.ts'
import type { SessionState } from './state.ts'
import { familyOf, isInteger } from './types.ts'
import { tableColumns } from './write.ts'

export function addColumn(state: SessionState, table: Table, spec: ColumnSpec, key: boolean): Column {
  if (findColumn(table, spec.name) !== undefined) {
    throw sqlError(
      2705,
      `Column names in each table must be unique. Column name '${spec.name}' in table '${table.name}' is specified more than once.`,
    )
  }
  const alias =
    spec.type === undefined
      ? undefined
      : state.database.schemas.get(fold(spec.type.schema ?? 'dbo'))?.types.get(fold(spec.type.name))
  let type = spec.type === undefined ? ({ name: 'int' } as const) : typeOf(state, spec.type, 'column')
  if (spec.computed !== undefined) {
    const columns = tableColumns(table, 'n', state)
    type = new Binder(state.queryContext(), {
      sources: [{ alias: '', schema: undefined, columns }],
      parent: undefined,
    }).value(parseExpressionText(spec.computed.text)).type as typeof type
  }
  const nullable =
    spec.nullable ?? alias?.nullable ?? !(key || spec.identity !== undefined || type.name === 'rowversion')
  if (spec.nullable === true && key)
    throw sqlError(8111, `Cannot define PRIMARY KEY constraint on nullable column in table '${table.name}'.`)
  if (type.name === 'rowversion' && table.columns.some((c) => c.type.name === 'rowversion')) {
    throw sqlError(
      2738,
      `A table can only have one timestamp column. Because table '${table.name}' already has one, the column '${spec.name}' cannot be added.`,
    )
  }
  if (spec.identity !== undefined) checkIdentity(table, spec, type)
  const column: Column = {
    id: table.nextColumnId++,
    name: spec.name,
    type,
    alias,
    nullable: spec.sparse ? true : nullable && !key && spec.identity === undefined,
    collation:
      familyOf(type) === 'string'
        ? spec.collation === undefined
          ? table.database.collation
          : checkCollation(spec.collation, state.queryContext())
        : undefined,
    identity: spec.identity,
    computed: spec.computed,
    default: undefined,
    sparse: spec.sparse,
    rowGuid: spec.rowGuid,
  }
  table.columns.push(column)
  return column
}

function checkIdentity(table: Table, spec: ColumnSpec, type: SqlType): void {
  if (table.columns.some((c) => c.identity !== undefined))
    throw sqlError(
      2744,
      `Multiple identity columns specified for table '${table.name}'. Only one identity column per table is allowed.`,
      { state: 2 },
    )
  const whole = (type.name === 'decimal' || type.name === 'numeric') && type.scale === 0
  if (!isInteger(type) && !whole)
    throw sqlError(
      2749,
      `Identity column '${spec.name}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, unencrypted, and constrained to be nonnullable.`,
      { state: 2 },
    )
  if (spec.nullable === true)
    throw sqlError(
      8147,
      `Could not create IDENTITY attribute on nullable column '${spec.name}', table '${table.name}'.`,
    )
}

/** Types that no key of an index can have. */
function checkKey(table: Table, name: string): Column {
  const column = findColumn(table, name)
  if (column === undefined) throw sqlError(1911, `Column name '${name}' does not exist in the target table or view.`)
  const { type } = column
  const large = 'length' in type ? type.length === -1 : ['text', 'ntext', 'image', 'xml'].includes(type.name)
  if (large)
    throw sqlError(
      1919,
      `Column '${name}' in table '${table.name}' is of a type that is invalid for use as a key column in an index.`,
    )
  return column
}

/** Names of tables and constraints share one space in a schema. */
function checkConstraintName(table: Table, name: string): void {
  const namesOf = (t: Table): string[] => [
    ...t.indexes.filter((i) => i.kind !== 'index').map((i) => i.name),
    ...t.checks.map((c) => c.name),
    ...t.foreignKeys.map((f) => f.name),
    ...t.columns.flatMap((c) => (c.default === undefined ? [] : [c.default.name])),
  ]
  const others = table.temporary ? [] : [...table.schema.tables.values()].flatMap((t) => [t.name, ...namesOf(t)])
  if ([...others, ...namesOf(table)].some((other) => fold(other) === fold(name)))
    throw sqlError(2714, `There is already an object named '${name}' in the database.`, { state: 5 })
}

function generatedName(prefix: string, table: Table, id: number): string {
  return `${prefix}__${table.name.slice(0, 9)}__${id.toString(16).toUpperCase().padStart(8, '0')}`
}

export function addIndex(
  state: SessionState,
  table: Table,
  name: string | undefined,
  kind: Index['kind'],
  unique: boolean,
  clustered: boolean,
  columns: readonly IndexColumn[],
  include: readonly string[] = [],
  filter?: string,
): Index {
  if (clustered && table.indexes.some((i) => i.clustered)) {
    if (kind !== 'index')
      throw sqlError(8112, `Cannot add more than one clustered index for constraints on table '${table.name}'.`)
    const first = table.indexes.find((i) => i.clustered)?.name ?? ''
    throw sqlError(
      1902,
      `Cannot create more than one clustered index on table '${displayName(table)}'. Drop the existing clustered index '${first}' before creating another.`,
      { state: 3 },
    )
  }
  const objectId = state.engine.catalog.objectId()
  const index: Index = {
    id: clustered ? 1 : Math.max(1, ...table.indexes.map((i) => i.id)) + 1,
    name: name ?? generatedName(kind === 'primaryKey' ? 'PK' : 'UQ', table, objectId),
    kind,
    unique,
    clustered,
    columns: columns.map((c) => ({ id: checkKey(table, c.name).id, descending: c.descending })),
    include: include.map((c) => columnOf(table, c).id),
    filter,
    objectId,
  }
  if (table.indexes.some((i) => fold(i.name) === fold(index.name))) {
    throw sqlError(
      1913,
      `The operation failed because an index or statistics with name '${index.name}' already exists on table '${table.name}'.`,
    )
  }
  table.indexes.push(index)
  return index
}

export function addConstraint(state: SessionState, table: Table, constraint: TableConstraint): void {
  const objectId = state.engine.catalog.objectId()
  if (constraint.name !== undefined) checkConstraintName(table, constraint.name)
  switch (constraint.kind) {
    case 'primaryKey':
    case 'unique': {
      const primary = constraint.kind === 'primaryKey'
      if (primary && table.indexes.some((i) => i.kind === 'primaryKey'))
        throw sqlError(1779, `Table '${table.name}' already has a primary key defined on it.`)
      const clustered = constraint.clustered ?? (primary && !table.indexes.some((i) => i.clustered))
      addIndex(
        state,
        table,
        constraint.name,
        primary ? 'primaryKey' : 'uniqueConstraint',
        true,
        clustered,
        constraint.columns,
      )
      return
    }
    case 'check': {
      const columnId = constraint.column === undefined ? undefined : columnOf(table, constraint.column).id
      table.checks.push({
        objectId,
        name: constraint.name ?? generatedName('CK', table, objectId),
        text: constraint.text,
        columnId,
      })
      return
    }
    case 'default': {
      const column = columnOf(table, constraint.column)
      if (column.default !== undefined) {
        if (table.schema.tables.get(fold(table.name)) === table)
          throw sqlError(1781, 'Column already has a DEFAULT bound to it.')
        throw sqlError(
          8148,
          `More than one column DEFAULT constraint specified for column '${column.name}', table '${table.name}'.`,
        )
      }
      column.default = {
        objectId,
        name: constraint.name ?? generatedName('DF', table, objectId),
        text: constraint.text,
      }
      return
    }
    case 'foreignKey': {
      const parent = splitName(constraint.table).object === table.name ? table : findTable(state, constraint.table)
      if (parent === undefined)
        throw sqlError(
          1767,
          `Foreign key '${constraint.name ?? ''}' references invalid table '${constraint.table.join('.')}'.`,
        )
      const primary = parent.indexes.find((i) => i.kind === 'primaryKey')
      const references =
        constraint.references.length > 0
          ? constraint.references.map((c) => columnOf(parent, c).id)
          : (primary?.columns.map((c) => c.id) ?? [])
      if (
        !parent.indexes.some(
          (i) =>
            i.unique && i.columns.length === references.length && i.columns.every((c) => references.includes(c.id)),
        )
      ) {
        throw sqlError(
          1776,
          `There are no primary or candidate keys in the referenced table '${constraint.table.join('.')}' that match the referencing column list in the foreign key '${constraint.name ?? ''}'.`,
        )
      }
      table.foreignKeys.push({
        objectId,
        name: constraint.name ?? generatedName('FK', table, objectId),
        columns: constraint.columns.map((c) => columnOf(table, c).id),
        tableId: parent.objectId,
        references,
      })
      return
    }
    default:
      constraint satisfies never
  }
}
