import type { StatementOf } from '../tsql/ast.ts'
import { checkCollation } from './bind.ts'
import { type Database, fold, type Schema, tablesOf } from './catalog.ts'
import { keysOf } from './durable.ts'
import { notImplemented, sqlError } from './errors.ts'
import { dropTable } from './execute-ddl.ts'
import { placeOf, typeOf } from './names.ts'
import type { SessionState } from './state.ts'

export function createDatabase(state: SessionState, s: StatementOf<'createDatabase'>): void {
  const { catalog, collation } = state.engine
  refuseInTransaction(state, 226, 'CREATE DATABASE statement not allowed within multi-statement transaction.')
  if (catalog.databases.has(fold(s.name)))
    throw sqlError(1801, `Database '${s.name}' already exists. Choose a different database name.`, { state: 3 })
  const name = s.collation === undefined ? collation : checkCollation(s.collation, state.queryContext())
  state.keep(...keysOf(catalog.createDatabase(s.name, name)))
}

export function alterDatabase(state: SessionState, s: StatementOf<'alterDatabase'>): void {
  const database = s.name === 'CURRENT' ? state.database : state.engine.catalog.database(s.name)
  refuseInTransaction(state, 226, 'ALTER DATABASE statement not allowed within multi-statement transaction.')
  if (s.option === 'ALLOW_SNAPSHOT_ISOLATION') database.snapshotIsolation = s.value === 'ON'
  else if (s.option === 'READ_COMMITTED_SNAPSHOT') database.readCommittedSnapshot = s.value === 'ON'
  else if (s.option !== 'RECOVERY') throw notImplemented(`ALTER DATABASE ... SET ${s.option}`)
  state.keep(`database ${database.id}`)
}

export function createSchema(state: SessionState, name: string): Schema {
  const { database } = state
  if (database.schemas.has(fold(name)))
    throw sqlError(2714, `There is already an object named '${name}' in the database.`, { state: 6 })
  state.onRollback(() => database.schemas.delete(fold(name)))
  const schema = state.engine.catalog.createSchema(database, name)
  state.keep(`schema ${database.id} ${schema.id}`)
  return schema
}

export function createType(state: SessionState, s: StatementOf<'createType'>): void {
  const place = placeOf(state, s.name)
  const key = fold(place.object)
  if (place.schema.types.has(key))
    throw sqlError(219, `The type '${s.name.join('.')}' already exists, or you do not have permission to create it.`)
  const id = state.engine.catalog.typeId()
  place.schema.types.set(key, {
    name: place.object,
    schema: place.schema.name,
    type: typeOf(state, s.type, 'column'),
    nullable: s.nullable ?? true,
    id,
  })
  state.keep(`type ${place.database.id} ${id}`)
  state.onRollback(() => place.schema.types.delete(key))
}

export async function dropObjects(state: SessionState, s: StatementOf<'drop'>): Promise<void> {
  for (const name of s.names) {
    const missing = (): void => {
      if (!s.ifExists)
        throw sqlError(
          3701,
          `Cannot drop the ${s.object} '${name.join('.')}', because it does not exist or you do not have permission.`,
          { state: 5, severity: 11 },
        )
    }
    switch (s.object) {
      case 'table':
        await dropTable(state, name, missing)
        break
      case 'database': {
        const database = state.engine.catalog.databases.get(fold(name[0] ?? ''))
        if (database === undefined) missing()
        else await dropDatabase(state, database)
        break
      }
      case 'schema': {
        const schema = state.database.schemas.get(fold(name[0] ?? ''))
        if (schema === undefined) missing()
        else dropSchema(state, schema)
        break
      }
      case 'type': {
        const place = placeOf(state, name)
        const type = place.schema.types.get(fold(place.object))
        if (type === undefined) {
          missing()
          break
        }
        const user = tablesOf(place.database).find((t) => t.columns.some((c) => c.alias === type))
        if (user !== undefined)
          throw sqlError(
            3732,
            `Cannot drop type '${name.join('.')}' because it is being referenced by object '${user.name}'.`,
          )
        place.schema.types.delete(fold(place.object))
        state.keep(`type ${place.database.id} ${type.id}`)
        state.onRollback(() => place.schema.types.set(fold(place.object), type))
        break
      }
      default:
        s.object satisfies never
    }
  }
}

async function dropDatabase(state: SessionState, database: Database): Promise<void> {
  refuseInTransaction(state, 574, 'DROP DATABASE statement cannot be used inside a user transaction.')
  const used = state.engine.sessions.some((session) => session.database === database)
  if (used) throw sqlError(3702, `Cannot drop database "${database.name}" because it is currently in use.`)
  state.keep(...keysOf(database))
  await state.enter(true)
  for (const table of tablesOf(database)) await state.run(`DROP TABLE ${table.relation}`)
  state.engine.catalog.databases.delete(fold(database.name))
  state.onRollback(() => state.engine.catalog.databases.set(fold(database.name), database))
}

function dropSchema(state: SessionState, schema: Schema): void {
  const { database } = state
  const [table] = schema.tables.values()
  if (table !== undefined)
    throw sqlError(
      3729,
      `Cannot drop schema '${schema.name}' because it is being referenced by object '${table.name}'.`,
    )
  database.schemas.delete(fold(schema.name))
  state.keep(`schema ${database.id} ${schema.id}`)
  state.onRollback(() => database.schemas.set(fold(schema.name), schema))
}

function refuseInTransaction(state: SessionState, number: number, message: string): void {
  if (state.tranCount > 0) throw sqlError(number, message)
}
