import { knownCollation } from '../code-pages.ts'
import type { SqlType, SqlValue } from '../session.ts'
import type { ObjectName, TypeName } from '../tsql/ast.ts'
import { parseNameText } from '../tsql/statements.ts'
import { type Scope } from './bind.ts'
import { type Bound, bound } from './bound.ts'
import { bindInner, type QueryContext } from './bind-query.ts'
import { type Database, fold, type Schema, splitName, type Table, tablesOf } from './catalog.ts'
import { notImplemented, sqlError } from './errors.ts'
import type { SessionState } from './state.ts'
import { viewColumns, viewOf, viewSql } from './system-views.ts'
import { resolveType } from './types.ts'
import { literalSql, textOf, ticks1970 } from './values.ts'
import { tableColumns } from './write.ts'

export interface Place {
  readonly database: Database
  readonly schema: Schema
  readonly object: string
}

/** The database and schema that a name means; the schema must exist. */
export function placeOf(state: SessionState, name: ObjectName): Place {
  const parts = splitName(name)
  const database = parts.database === undefined ? state.database : state.engine.catalog.database(parts.database)
  const schema = database.schemas.get(fold(parts.schema ?? 'dbo'))
  if (schema === undefined)
    throw sqlError(
      2760,
      `The specified schema name "${parts.schema ?? 'dbo'}" either does not exist or you do not have permission to use it.`,
    )
  return { database, schema, object: parts.object }
}

export function findTable(state: SessionState, name: ObjectName): Table | undefined {
  const parts = splitName(name)
  if (parts.object.startsWith('#')) return state.temporary.get(fold(parts.object))
  const database =
    parts.database === undefined ? state.database : state.engine.catalog.databases.get(fold(parts.database))
  return database?.schemas.get(fold(parts.schema ?? 'dbo'))?.tables.get(fold(parts.object))
}

export function tableOf(state: SessionState, name: ObjectName): Table {
  const table = findTable(state, name)
  if (table === undefined) throw sqlError(208, `Invalid object name '${name.join('.')}'.`)
  return table
}

/** A type as written, with alias types of the current database. */
export function typeOf(state: SessionState, name: TypeName, place: 'column' | 'cast'): SqlType {
  const system = name.schema === undefined ? resolveType(name, place) : undefined
  if (system !== undefined) return system
  const alias = state.database.schemas.get(fold(name.schema ?? 'dbo'))?.types.get(fold(name.name))
  if (alias === undefined)
    throw sqlError(
      2715,
      `Column, parameter, or variable #1: Cannot find data type ${name.schema === undefined ? '' : `${name.schema}.`}${name.name}.`,
    )
  return alias.type
}

export function constant(value: SqlValue, type: SqlType): Bound {
  return bound(literalSql(value, type), type, { constant: value, hasConstant: true, nullable: value === null })
}

const int: SqlType = { name: 'int' }
const nvarchar: SqlType = { name: 'nvarchar', length: 128 }

export function rowversionBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

/** What a statement's names mean to this session. */
export function createQueryContext(
  state: SessionState,
  common: ReadonlyMap<string, { sql: string; columns: readonly Bound[] }> = new Map(),
): QueryContext {
  const context: QueryContext = {
    variable: (name) => state.frame.variables.get(fold(name)),
    resolveType: (name, place) => typeOf(state, name, place),
    databaseCollation: () => state.database.collation,
    systemVariable: (name) => systemVariable(state, name),
    systemFunction: (name, args) => systemFunction(state, name, args),
    bindQuery: (query, parent) => bindInner(query, context, parent),
    source(name, alias) {
      const only = name.length === 1 ? common.get(fold(name[0] ?? '')) : undefined
      if (only !== undefined) {
        const columns = only.columns.map((c, i) => ({ ...c, sql: `${alias}.r${i + 1}`, hasConstant: false }))
        return { sql: `(${only.sql})`, columns, schema: undefined }
      }
      const table = findTable(state, name)
      if (table !== undefined)
        return { sql: table.relation, columns: tableColumns(table, alias, state), schema: table.schema.name }
      const view = viewOf(state, splitName(name))
      if (view !== undefined)
        return { sql: viewSql(view), columns: viewColumns(view, alias), schema: splitName(name).schema }
      throw sqlError(208, `Invalid object name '${name.join('.')}'.`)
    },
    tableVariable(name, alias) {
      const table = state.frame.tables.get(fold(name))
      if (table === undefined) throw sqlError(1087, `Must declare the table variable "${name}".`, { severity: 15 })
      return { sql: table.relation, columns: tableColumns(table, alias, state) }
    },
    tableFunction(name) {
      throw notImplemented(`the table-valued function ${name.join('.')}`)
    },
    withCommonTables(query, parent: Scope | undefined) {
      const known = new Map(common)
      let inner = createQueryContext(state, known)
      for (const table of query.with) {
        const result = bindInner(table.query, inner, parent)
        const columns = result.columns.map((c, i) => ({ ...c, name: table.columns?.[i] ?? c.name }))
        const names = columns.map((_, i) => `r${i + 1}`).join(', ')
        known.set(fold(table.name), { sql: `SELECT * FROM (${result.sql}) AS w(${names})`, columns })
        inner = createQueryContext(state, known)
      }
      return inner
    },
  }
  return context
}

function systemVariable(state: SessionState, name: string): Bound {
  switch (name.toUpperCase()) {
    case '@@TRANCOUNT':
      return constant(state.tranCount, int)
    case '@@ROWCOUNT':
      return constant(Number(state.rowCount), int)
    case '@@ERROR':
      return constant(state.lastError, int)
    case '@@SPID':
      return constant(state.id, { name: 'smallint' })
    case '@@IDENTITY':
      return constant(state.scopeIdentity, { name: 'numeric', precision: 38, scale: 0 })
    case '@@VERSION':
      return constant('Microsoft SQL Server 2022 (RTM) - 16.0.1000.6 (icebridge sandbox)', {
        name: 'nvarchar',
        length: 300,
      })
    case '@@SERVERNAME':
      return constant('sandbox', nvarchar)
    case '@@DBTS':
      return constant(rowversionBytes(state.database.rowversion), { name: 'varbinary', length: 8 })
    case '@@LOCK_TIMEOUT':
      return constant(state.options.lockTimeoutMs, int)
    case '@@OPTIONS':
      return constant(state.options.xactAbort ? 5496 + 16384 : 5496, int)
    case '@@MAX_PRECISION':
      return constant(38, { name: 'tinyint' })
    default:
      throw notImplemented(`the system variable ${name}`)
  }
}

const started = { ticks: ticks1970 + BigInt(Date.now()) * 10_000n, nanos: process.hrtime.bigint() }

/** The clock in 100 ns, never going back. */
function now(): bigint {
  return started.ticks + (process.hrtime.bigint() - started.nanos) / 100n
}

/** Functions without arguments. */
const bare = new Set(
  'SYSUTCDATETIME SYSDATETIME SYSDATETIMEOFFSET GETDATE GETUTCDATE CURRENT_TIMESTAMP ROWCOUNT_BIG SCOPE_IDENTITY XACT_STATE ERROR_NUMBER ERROR_MESSAGE ERROR_SEVERITY ERROR_STATE ERROR_LINE ERROR_PROCEDURE MIN_ACTIVE_ROWVERSION'.split(
    ' ',
  ),
)

function systemFunction(state: SessionState, name: string, args: readonly Bound[]): Bound | undefined {
  const text = (i: number): string | undefined => {
    const value = args[i]
    if (value === undefined || value.constant === null) return undefined
    if (!value.hasConstant) throw notImplemented(`${name} of an expression that is not a constant`)
    return textOf(value.constant)
  }
  if (args.length > 0 && bare.has(name))
    throw sqlError(174, `The ${name.toLowerCase()} function requires 0 argument(s).`, { severity: 15 })
  const datetime2: SqlType = { name: 'datetime2', scale: 7 }
  const caught = state.caught
  switch (name) {
    case 'SYSUTCDATETIME':
    case 'SYSDATETIME':
      return constant(now(), datetime2)
    case 'SYSDATETIMEOFFSET':
      return constant({ utc: now(), offsetMinutes: 0 }, { name: 'datetimeoffset', scale: 7 })
    case 'GETDATE':
    case 'GETUTCDATE':
    case 'CURRENT_TIMESTAMP':
      return constant(((BigInt(Date.now()) + 2_208_988_800_000n) * 3n + 5n) / 10n, { name: 'datetime' })
    case 'DB_NAME':
      return constant(
        args.length === 0
          ? state.database.name
          : ([...state.engine.catalog.databases.values()].find((d) => String(d.id) === text(0))?.name ?? null),
        nvarchar,
      )
    case 'DB_ID':
      return constant(
        (args.length === 0 ? state.database : state.engine.catalog.databases.get(fold(text(0) ?? '')))?.id ?? null,
        { name: 'smallint' },
      )
    case 'SCHEMA_NAME':
      if (args.length === 0) return constant('dbo', nvarchar)
      return names(
        [...state.database.schemas.values()].map((s) => [s.id, s.name]),
        args,
      )
    case 'SCHEMA_ID':
      return constant(args.length === 0 ? 1 : (state.database.schemas.get(fold(text(0) ?? ''))?.id ?? null), int)
    case 'OBJECT_NAME':
      return names(
        tablesOf(state.database).map((t) => [t.objectId, t.name]),
        args,
      )
    case 'OBJECT_SCHEMA_NAME':
      return names(
        tablesOf(state.database).map((t) => [t.objectId, t.schema.name]),
        args,
      )
    case 'OBJECT_ID': {
      if (args[0] !== undefined && !args[0].hasConstant)
        throw notImplemented('OBJECT_ID of an expression that is not a constant')
      let parsed = parseNameText(text(0) ?? '')
      if (parsed !== undefined && fold(parsed[0] ?? '') === 'tempdb' && (parsed.at(-1) ?? '').startsWith('#'))
        parsed = parsed.slice(-1)
      const type = text(1)?.trim().toUpperCase()
      const table = parsed === undefined || (type !== undefined && type !== 'U') ? undefined : findTable(state, parsed)
      return constant(table?.objectId ?? null, int)
    }
    case 'ROWCOUNT_BIG':
      return constant(state.rowCount, { name: 'bigint' })
    case 'SCOPE_IDENTITY':
      return constant(state.scopeIdentity, { name: 'numeric', precision: 38, scale: 0 })
    case 'XACT_STATE':
      return constant(state.tranCount === 0 ? 0 : state.doomed ? -1 : 1, { name: 'smallint' })
    case 'ERROR_NUMBER':
      return constant(caught?.number ?? null, int)
    case 'ERROR_MESSAGE':
      return constant(caught?.message ?? null, { name: 'nvarchar', length: 4000 })
    case 'ERROR_SEVERITY':
      return constant(caught?.severity ?? null, int)
    case 'ERROR_STATE':
      return constant(caught?.state ?? null, int)
    case 'ERROR_LINE':
      return constant(caught?.line ?? null, int)
    case 'ERROR_PROCEDURE':
      return constant(caught?.procedure ?? null, nvarchar)
    case 'MIN_ACTIVE_ROWVERSION':
      return constant(rowversionBytes(state.engine.minActiveRowversion(state.database)), { name: 'binary', length: 8 })
    case 'SUSER_SNAME':
    case 'SUSER_NAME':
    case 'ORIGINAL_LOGIN':
    case 'SYSTEM_USER':
      return constant(state.login.userName, nvarchar)
    case 'USER_NAME':
    case 'CURRENT_USER':
    case 'SESSION_USER':
    case 'USER':
      return constant('dbo', nvarchar)
    case 'HOST_NAME':
      return constant(state.login.hostName, nvarchar)
    case 'APP_NAME':
      return constant(state.login.appName, nvarchar)
    case 'HAS_PERMS_BY_NAME':
    case 'HAS_DBACCESS':
    case 'IS_SRVROLEMEMBER':
    case 'IS_MEMBER':
    case 'IS_ROLEMEMBER':
      return constant(1, int)
    case 'SERVERPROPERTY':
      return serverProperty(state, text(0) ?? '')
    case 'DATABASEPROPERTYEX': {
      const database = state.engine.catalog.databases.get(fold(text(0) ?? ''))
      const values: Readonly<Record<string, string>> = {
        collation: database?.collation ?? '',
        status: 'ONLINE',
        updateability: 'READ_WRITE',
        recovery: 'SIMPLE',
      }
      const value = values[(text(1) ?? '').toLowerCase()]
      if (value === undefined) throw notImplemented(`DATABASEPROPERTYEX with ${text(1) ?? 'NULL'}`)
      return constant(database === undefined ? null : value, nvarchar)
    }
    case 'COLLATIONPROPERTY': {
      const collation = text(0) ?? ''
      const property = text(1) ?? 'NULL'
      if (property.toLowerCase() !== 'codepage') throw notImplemented(`COLLATIONPROPERTY with ${property}`)
      const known = knownCollation(collation)
      if (known !== undefined) return constant(known.page, int)
      throw notImplemented(`COLLATIONPROPERTY of the collation ${collation}`)
    }
    default:
      return undefined
  }
}

function names(pairs: readonly (readonly [number, string])[], args: readonly Bound[]): Bound {
  const key = args[0]?.sql ?? 'NULL'
  const whens = pairs.map(([id, name]) => `WHEN ${id} THEN ${literalSql(name, nvarchar)}`)
  return bound(whens.length === 0 ? 'CAST(NULL AS VARCHAR)' : `(CASE ${key} ${whens.join(' ')} END)`, nvarchar)
}

function serverProperty(state: SessionState, property: string): Bound {
  switch (property.toLowerCase()) {
    case 'productversion':
      return constant('16.0.1000.6', nvarchar)
    case 'productmajorversion':
      return constant('16', nvarchar)
    case 'productlevel':
      return constant('RTM', nvarchar)
    case 'edition':
      return constant('Developer Edition (64-bit)', nvarchar)
    case 'engineedition':
      return constant(3, int)
    case 'collation':
      return constant(state.engine.collation, nvarchar)
    case 'servername':
    case 'machinename':
      return constant('sandbox', nvarchar)
    case 'instancename':
      return constant(null, nvarchar)
    case 'isxtpsupported':
    case 'ishadrenabled':
    case 'isclustered':
      return constant(0, int)
    default:
      throw notImplemented(`SERVERPROPERTY('${property}')`)
  }
}
