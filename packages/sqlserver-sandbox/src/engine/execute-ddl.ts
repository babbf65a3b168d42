import type { ObjectName, StatementOf, TableBody, TableConstraint } from '../tsql/ast.ts'
import { parseExpressionText } from '../tsql/statements.ts'
import { Binder, checkCollation } from './bind.ts'
import { columnOf, findColumn, fold, splitName, type Table, tablesOf } from './catalog.ts'
import { implicitly } from './convert.ts'
import { addColumn, addConstraint, addIndex } from './define-table.ts'
import { notImplemented, sqlError } from './errors.ts'
import { checkIndexFilter } from './index-filter.ts'
import { findTable, placeOf, tableOf, typeOf } from './names.ts'
import type { SessionState } from './state.ts'
import { duckType, familyOf } from './types.ts'
import { checkRows, relationDdl, tableColumns } from './write.ts'

export async function createTable(
  state: SessionState,
  name: ObjectName,
  body: TableBody,
  variable?: string,
): Promise<Table> {
  const object = variable ?? splitName(name).object
  const temporary = variable !== undefined || object.startsWith('#')
  if (object.startsWith('##')) throw notImplemented('global temporary tables')
  const place = temporary ? placeOf(state, [object]) : placeOf(state, name)
  const exists = variable === undefined && findTable(state, name) !== undefined
  if (exists) throw sqlError(2714, `There is already an object named '${object}' in the database.`, { state: 6 })
  const objectId = state.engine.catalog.objectId() * (temporary ? -1 : 1)
  const relation = temporary ? `temp.t${-objectId}` : `main.t${objectId}`
  const table: Table = {
    objectId,
    schema: place.schema,
    database: place.database,
    name: object,
    relation,
    columns: [],
    indexes: [],
    foreignKeys: [],
    checks: [],
    identityLast: undefined,
    nextColumnId: 1,
    temporary,
  }
  for (const spec of body.columns) addColumn(state, table, spec, keyColumns(body).has(fold(spec.name)))
  // An explicit CLUSTERED elsewhere makes the primary key nonclustered.
  const explicit = (c: TableConstraint): boolean => 'clustered' in c && c.clustered === true
  for (const constraint of body.constraints.toSorted((a, b) => Number(explicit(b)) - Number(explicit(a))))
    addConstraint(state, table, constraint)
  for (const index of body.indexes)
    addIndex(state, table, index.name, 'index', index.unique, index.clustered, index.columns)
  const registry = variable !== undefined ? state.frame.tables : temporary ? state.temporary : place.schema.tables
  if (!temporary) await state.lock(`table ${objectId}`, 'exclusive')
  await state.enter(true)
  await state.run(relationDdl(table))
  registry.set(fold(object), table)
  if (!temporary) {
    state.makes(table)
    state.keep(`table ${objectId}`)
  }
  state.onRollback(() => registry.delete(fold(object)))
  return table
}

function keyColumns(body: TableBody): Set<string> {
  return new Set(body.constraints.flatMap((c) => (c.kind === 'primaryKey' ? c.columns.map((k) => fold(k.name)) : [])))
}

/** Keeps a table's definition for a rollback, then changes it. */
async function changeTable(state: SessionState, table: Table, change: () => Promise<void>): Promise<void> {
  if (!table.temporary) await state.lock(`table ${table.objectId}`, 'exclusive')
  await state.enter(true)
  const before = {
    columns: table.columns.map((c) => ({ ...c })),
    indexes: [...table.indexes],
    foreignKeys: [...table.foreignKeys],
    checks: [...table.checks],
    identityLast: table.identityLast,
  }
  const undo = (): void => void Object.assign(table, before)
  try {
    await change()
  } catch (error) {
    undo()
    throw error
  }
  if (!table.temporary) state.keep(`table ${table.objectId}`)
  state.onRollback(undo)
}

/** The rows of a table as a staging relation, to check them against a new constraint. */
async function checkExisting(state: SessionState, table: Table): Promise<void> {
  const stage = `(SELECT CAST(2 AS TINYINT) AS act, rowid AS rid, * FROM ${table.relation})`
  await checkRows(state, table, stage, 'ALTER TABLE')
}

export async function alterTable(state: SessionState, statement: StatementOf<'alterTable'>): Promise<void> {
  const table = tableOf(state, statement.name)
  const { action } = statement
  await changeTable(state, table, async () => {
    switch (action.kind) {
      case 'add': {
        const added = action.body.columns.map((spec) => addColumn(state, table, spec, false))
        for (const constraint of action.body.constraints) addConstraint(state, table, constraint)
        for (const column of added) {
          if (column.computed !== undefined) continue
          const text = column.default === undefined ? undefined : parseExpressionText(column.default.text)
          const value =
            text === undefined
              ? undefined
              : implicitly(
                  new Binder(state.queryContext(), { sources: [], parent: undefined }).value(text),
                  column.type,
                ).sql
          await state.run(`ALTER TABLE ${table.relation} ADD COLUMN c${column.id} ${duckType(column.type)}`)
          if (value !== undefined && !column.nullable)
            await state.run(`UPDATE ${table.relation} SET c${column.id} = ${value}`)
          if (column.type.name === 'rowversion' || column.identity !== undefined)
            throw notImplemented(`ALTER TABLE ADD of an ${column.type.name} column that numbers itself`)
        }
        await checkExisting(state, table)
        return
      }
      case 'dropColumn':
        for (const name of action.names) {
          const column = findColumn(table, name)
          if (column === undefined && action.ifExists) continue
          if (column === undefined)
            throw sqlError(
              4924,
              `ALTER TABLE DROP COLUMN failed because column '${name}' does not exist in table '${table.name}'.`,
            )
          if (column.default !== undefined || table.indexes.some((i) => i.columns.some((c) => c.id === column.id))) {
            throw sqlError(5074, `The object is dependent on column '${column.name}'.`)
          }
          table.columns = table.columns.filter((c) => c !== column)
          if (column.computed === undefined) await state.run(`ALTER TABLE ${table.relation} DROP COLUMN c${column.id}`)
        }
        return
      case 'dropConstraint':
        for (const name of action.names) {
          const other = (x: { name: string }): boolean => fold(x.name) !== fold(name)
          const found = [
            ...table.indexes,
            ...table.checks,
            ...table.foreignKeys,
            ...table.columns.flatMap((c) => c.default ?? []),
          ].some((x) => !other(x))
          if (!found && !action.ifExists) throw sqlError(3728, `'${name}' is not a constraint.`)
          table.indexes = table.indexes.filter(other)
          table.checks = table.checks.filter(other)
          table.foreignKeys = table.foreignKeys.filter(other)
          for (const c of table.columns) if (c.default !== undefined && !other(c.default)) c.default = undefined
        }
        return
      case 'alterColumn': {
        const column = columnOf(table, action.column.name)
        if (action.column.type === undefined || column.identity !== undefined || column.type.name === 'rowversion')
          throw notImplemented('ALTER COLUMN of this column')
        const type = typeOf(state, action.column.type, 'column')
        const context = state.queryContext()
        const old = tableColumns(table, 'n', state).find((c) => fold(c.name ?? '') === fold(column.name))
        if (old === undefined)
          throw sqlError(4924, `ALTER TABLE ALTER COLUMN failed because column '${column.name}' does not exist.`)
        const collation =
          familyOf(type) === 'string'
            ? action.column.collation === undefined
              ? table.database.collation
              : checkCollation(action.column.collation, context)
            : undefined
        await state.run(
          `ALTER TABLE ${table.relation} ALTER COLUMN c${column.id} TYPE ${duckType(type)} USING ${implicitly({ ...old, sql: `c${column.id}` }, type, { into: collation }).sql}`,
        )
        column.type = type
        column.nullable = action.column.nullable ?? true
        column.collation = collation
        await checkExisting(state, table)
        return
      }
      default:
        action satisfies never
    }
  })
}

export async function createIndex(state: SessionState, s: StatementOf<'createIndex'>): Promise<void> {
  const table = tableOf(state, s.table)
  await changeTable(state, table, async () => {
    if (s.filter !== undefined) checkIndexFilter(table, s.name, s.filter)
    addIndex(state, table, s.name, 'index', s.unique, s.clustered, s.columns, s.include, s.filter?.text)
    if (s.unique) await checkExisting(state, table)
  })
}

export async function dropIndex(state: SessionState, s: StatementOf<'dropIndex'>): Promise<void> {
  const table = tableOf(state, s.table)
  const found = table.indexes.find((i) => fold(i.name) === fold(s.name) && i.kind === 'index')
  if (found === undefined) {
    if (s.ifExists) return
    throw sqlError(
      3701,
      `Cannot drop the index '${s.table.join('.')}.${s.name}', because it does not exist or you do not have permission.`,
      { state: 7, severity: 11 },
    )
  }
  await changeTable(state, table, async () => {
    table.indexes = table.indexes.filter((i) => i !== found)
  })
}

export async function dropTable(state: SessionState, name: ObjectName, missing: () => void): Promise<void> {
  const table = findTable(state, name)
  if (table === undefined) return missing()
  const referring = tablesOf(table.database).find(
    (t) => t !== table && t.foreignKeys.some((f) => f.tableId === table.objectId),
  )
  if (referring !== undefined)
    throw sqlError(
      3726,
      `Could not drop object '${name.join('.')}' because it is referenced by a FOREIGN KEY constraint.`,
    )
  if (!table.temporary) await state.lock(`table ${table.objectId}`, 'exclusive')
  await state.enter(true)
  await state.run(`DROP TABLE ${table.relation}`)
  const registry = table.temporary ? state.temporary : table.schema.tables
  registry.delete(fold(table.name))
  if (!table.temporary) state.keep(`table ${table.objectId}`, `identity ${table.objectId}`)
  state.onRollback(() => registry.set(fold(table.name), table))
}

export async function truncateTable(state: SessionState, name: ObjectName): Promise<void> {
  const table = tableOf(state, name)
  if (tablesOf(table.database).some((t) => t.foreignKeys.some((f) => f.tableId === table.objectId && t !== table))) {
    throw sqlError(
      4712,
      `Cannot truncate table '${table.name}' because it is being referenced by a FOREIGN KEY constraint.`,
    )
  }
  await state.lockForWrite(table)
  await state.enter(true)
  await state.run(`DELETE FROM ${table.relation}`)
  const before = table.identityLast
  state.onRollback(() => (table.identityLast = before))
  table.identityLast = undefined
  if (!table.temporary) state.keep(`identity ${table.objectId}`)
}
