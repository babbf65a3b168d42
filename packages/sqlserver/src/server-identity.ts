import { SqlServerError } from './errors.ts'
import type { Row } from './exact-values/row-values.ts'

/** Which server and database a connection reached. */
export interface ServerIdentity {
  readonly serverName: string
  readonly databaseName: string
  /** As `16.0.4135.4`. */
  readonly productVersion: string
  readonly majorVersion: number
  readonly edition: string
  /** 3 Enterprise and the like, 4 Express, 5 Azure SQL Database, 8 Managed Instance. */
  readonly engineEdition: number
  readonly serverCollation: string
  readonly databaseCollation: string
  readonly compatibilityLevel: number
  /** A snapshot transaction may be started in the database. */
  readonly snapshotIsolation: boolean
}

/**
 * @see https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql
 */
export const identityQuery: string = [
  "SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ServerName')) AS [serverName]",
  'DB_NAME() AS [databaseName]',
  "CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) AS [productVersion]",
  "CONVERT(nvarchar(128), SERVERPROPERTY('Edition')) AS [edition]",
  "CONVERT(int, SERVERPROPERTY('EngineEdition')) AS [engineEdition]",
  "CONVERT(nvarchar(128), SERVERPROPERTY('Collation')) AS [serverCollation]",
  'd.[collation_name] AS [databaseCollation]',
  'CONVERT(int, d.[compatibility_level]) AS [compatibilityLevel]',
  'CONVERT(int, d.[snapshot_isolation_state]) AS [snapshotState]',
]
  .join(', ')
  .concat(' FROM sys.databases AS d WHERE d.[name] = DB_NAME()')

/** @throws {SqlServerError} `unexpected-result` when the server did not say which database it is. */
export function readIdentity(row: Row | undefined): ServerIdentity {
  if (row === undefined) {
    throw new SqlServerError('unexpected-result', 'the server has no row of sys.databases for the current database', {
      hint: 'The login needs a user in the database.',
    })
  }
  const text = (name: string): string => String(row[name] ?? '')
  const productVersion = text('productVersion')
  return {
    serverName: text('serverName'),
    databaseName: text('databaseName'),
    productVersion,
    majorVersion: Number.parseInt(productVersion, 10) || 0,
    edition: text('edition'),
    engineEdition: Number(row['engineEdition'] ?? 0),
    serverCollation: text('serverCollation'),
    databaseCollation: text('databaseCollation'),
    compatibilityLevel: Number(row['compatibilityLevel'] ?? 0),
    snapshotIsolation: row['snapshotState'] === 1,
  }
}
