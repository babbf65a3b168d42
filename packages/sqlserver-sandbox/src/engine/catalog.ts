import type { SqlType } from '../session.ts'
import type { ObjectName } from '../tsql/ast.ts'
import { sqlError } from './errors.ts'

/** Everything the engine knows about its databases. Plain data, so that a durable engine can keep it as JSON. */
export interface Column {
  /** The ordinal for life: the DuckDB column is `c<id>`. */
  readonly id: number
  name: string
  type: SqlType
  /** The alias type's name, when the column was declared with one. */
  alias: AliasType | undefined
  nullable: boolean
  collation: string | undefined
  identity: { seed: bigint; increment: bigint } | undefined
  computed: { text: string; persisted: boolean } | undefined
  default: { name: string; text: string; objectId: number } | undefined
  sparse: boolean
  rowGuid: boolean
}

export interface Index {
  readonly id: number
  readonly name: string
  readonly kind: 'primaryKey' | 'uniqueConstraint' | 'index'
  readonly unique: boolean
  readonly clustered: boolean
  readonly columns: readonly { readonly id: number; readonly descending: boolean }[]
  readonly include: readonly number[]
  readonly filter: string | undefined
  /** The constraint's object id. */
  readonly objectId: number
}

export interface ForeignKey {
  readonly objectId: number
  readonly name: string
  readonly columns: readonly number[]
  readonly tableId: number
  readonly references: readonly number[]
}

export interface Check {
  readonly objectId: number
  readonly name: string
  readonly text: string
  readonly columnId: number | undefined
}

export interface Table {
  readonly objectId: number
  readonly schema: Schema
  readonly database: Database
  name: string
  /** The relation in DuckDB, qualified: `main.t5` or `temp.t7`. */
  readonly relation: string
  columns: Column[]
  indexes: Index[]
  foreignKeys: ForeignKey[]
  checks: Check[]
  /** The last identity value given; undefined before the first. */
  identityLast: bigint | undefined
  nextColumnId: number
  readonly temporary: boolean
}

export interface AliasType {
  readonly name: string
  readonly schema: string
  readonly type: SqlType
  readonly nullable: boolean
  readonly id: number
}

export interface Schema {
  readonly id: number
  readonly name: string
  readonly tables: Map<string, Table>
  readonly types: Map<string, AliasType>
}

export interface Database {
  readonly id: number
  readonly name: string
  readonly collation: string
  readonly schemas: Map<string, Schema>
  /** The last rowversion given. */
  rowversion: bigint
  snapshotIsolation: boolean
  readCommittedSnapshot: boolean
}

/** Names are looked up without regard to case. */
export function fold(name: string): string {
  return name.toLowerCase()
}

export class Catalog {
  readonly databases: Map<string, Database> = new Map<string, Database>()
  #ids = { object: 1_000_000, database: 1, schema: 5, type: 257 }

  /** The counters behind the ids: the last object, and the next database, schema and type. */
  get ids(): { readonly object: number; readonly database: number; readonly schema: number; readonly type: number } {
    return this.#ids
  }

  /** Goes on from the counters of a catalog that was kept. */
  restoreIds(ids: Catalog['ids']): void {
    this.#ids = { object: ids.object, database: ids.database, schema: ids.schema, type: ids.type }
  }

  objectId(): number {
    this.#ids.object += 16
    return this.#ids.object
  }

  createDatabase(name: string, collation: string): Database {
    const database: Database = {
      id: this.#ids.database++,
      name,
      collation,
      schemas: new Map(),
      rowversion: 2000n,
      snapshotIsolation: true,
      readCommittedSnapshot: false,
    }
    database.schemas.set('dbo', { id: 1, name: 'dbo', tables: new Map(), types: new Map() })
    this.databases.set(fold(name), database)
    return database
  }

  createSchema(database: Database, name: string): Schema {
    const schema: Schema = { id: this.#ids.schema++, name, tables: new Map(), types: new Map() }
    database.schemas.set(fold(name), schema)
    return schema
  }

  typeId(): number {
    return this.#ids.type++
  }

  database(name: string): Database {
    const database = this.databases.get(fold(name))
    if (database === undefined) {
      throw sqlError(911, `Database '${name}' does not exist. Make sure that the name is entered correctly.`)
    }
    return database
  }

  tableById(id: number): Table | undefined {
    for (const database of this.databases.values()) {
      for (const schema of database.schemas.values()) {
        for (const table of schema.tables.values()) if (table.objectId === id) return table
      }
    }
    return undefined
  }
}

export function tablesOf(database: Database): Table[] {
  return [...database.schemas.values()].flatMap((s) => [...s.tables.values()])
}

/** database, schema and object of a name of up to three parts; four parts name a linked server. */
export function splitName(name: ObjectName): {
  database: string | undefined
  schema: string | undefined
  object: string
} {
  if (name.length > 3)
    throw sqlError(
      7202,
      `Could not find server '${name[0] ?? ''}' in sys.servers. Verify that the correct server name was specified.`,
    )
  const object = name.at(-1) ?? ''
  const schema = name.at(-2)
  const database = name.at(-3)
  return { object, schema: schema === '' ? undefined : schema, database: database === '' ? undefined : database }
}

export function findColumn(table: Table, name: string): Column | undefined {
  const folded = fold(name)
  return table.columns.find((c) => fold(c.name) === folded)
}

export function columnOf(table: Table, name: string): Column {
  const column = findColumn(table, name)
  if (column === undefined) throw sqlError(207, `Invalid column name '${name}'.`)
  return column
}

export function columnById(table: Table, id: number): Column {
  const column = table.columns.find((c) => c.id === id)
  if (column === undefined) throw new RangeError(`table ${table.name} has no column ${id}`)
  return column
}

/** The schema-qualified name as messages show it. */
export function displayName(table: Table): string {
  return table.temporary ? table.name : `${table.schema.name}.${table.name}`
}
