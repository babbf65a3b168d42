import { createHash } from 'node:crypto'
import { quoteString } from '@icebridge/sqlserver'
import type { AppliedPosition } from '@icebridge/journal'
import { ImportError } from './errors.ts'

/** The table that holds one row for each table that is applied to this database. */
export const appliedTable = '[icebridge].[applied]'

/** The shape of {@link appliedTable} that this package writes; rows of a newer one are refused. */
export const appliedVersion = 1

/** Errors that the statements of this package raise with THROW. User errors begin at 50000. */
export const raised = {
  lockNotGranted: 50101,
  lockFailed: 50102,
  targetReplaced: 50103,
  repeatedSequence: 50104,
  newerVersion: 50105,
  transactionGone: 50106,
  targetChanged: 50107,
} as const

/**
 * The key under which a table's position stands: the table's own key, or for one longer than 400 characters its beginning and
 * a hash. 400 characters of nvarchar are 800 bytes of the 900 that a clustered key takes.
 *
 * @see https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server
 */
export function positionKey(tableKey: string): string {
  return shortened(tableKey, 400)
}

/**
 * The application lock that all importers of a table take, at most 255 characters. Locks of this kind are of one database.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
 */
export function lockResource(tableKey: string): string {
  return `icebridge:${shortened(tableKey, 245)}`
}

/** The application lock of importers that create a schema or a table. */
export const prepareLock = 'icebridge:prepare'

/** How long an importer waits for a lock, unless the caller says otherwise. */
export const defaultLockTimeoutMs = 30_000

/** Creates the schema and the table when they are absent. Idempotent; importers that race for it wait for one another. */
export function prepareBatch(lockTimeoutMs: number): string {
  return [
    'SET NOCOUNT ON;',
    'SET XACT_ABORT ON;',
    'DECLARE @lock int;',
    'BEGIN TRANSACTION;',
    takeLock(prepareLock, lockTimeoutMs),
    "IF SCHEMA_ID(N'icebridge') IS NULL EXEC(N'CREATE SCHEMA [icebridge]');",
    `IF OBJECT_ID(N'${appliedTable}', N'U') IS NULL`,
    `CREATE TABLE ${appliedTable} (`,
    '  [table_key] nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,',
    '  [table_uuid] uniqueidentifier NOT NULL,',
    '  [snapshot_id] bigint NOT NULL,',
    '  [sequence] bigint NOT NULL,',
    '  [target_table] nvarchar(520) NOT NULL,',
    '  [target_object_id] int NOT NULL,',
    '  [lake_location] nvarchar(2000) NOT NULL,',
    '  [run_id] nvarchar(100) NOT NULL,',
    '  [updated_at] datetime2(7) NOT NULL,',
    '  [version] int NOT NULL,',
    '  CONSTRAINT [pk_icebridge_applied] PRIMARY KEY CLUSTERED ([table_key])',
    ');',
    'COMMIT TRANSACTION;',
    'SET XACT_ABORT OFF;',
  ].join('\n')
}

/** How a session stands while it writes: an error rolls back, and no lock is waited for without limit. */
export function sessionSettings(lockTimeoutMs: number): readonly string[] {
  return [
    'SET NOCOUNT ON;',
    'SET XACT_ABORT ON;',
    `SET LOCK_TIMEOUT ${milliseconds(lockTimeoutMs)};`,
    'SET TRANSACTION ISOLATION LEVEL READ COMMITTED;',
  ]
}

/** The variables of {@link beginAtPosition}. */
export const positionVariables =
  '@lock int, @table_uuid uniqueidentifier, @snapshot_id bigint, @sequence bigint, @target_object_id int, @version int'

/** Begins a transaction, takes the table's lock and reads where the target stands into {@link positionVariables}: NULL when there is nothing. */
export function beginAtPosition(tableKey: string, lockTimeoutMs: number): readonly string[] {
  return [
    'BEGIN TRANSACTION;',
    takeLock(lockResource(tableKey), lockTimeoutMs),
    'SELECT @table_uuid = [table_uuid], @snapshot_id = [snapshot_id], @sequence = [sequence],',
    '  @target_object_id = [target_object_id], @version = [version]',
    `FROM ${appliedTable} WITH (UPDLOCK, HOLDLOCK) WHERE [table_key] = ${quoteString(positionKey(tableKey))};`,
    `IF @version > ${appliedVersion} THROW ${raised.newerVersion}, N'icebridge: the position was written by a newer version', 1;`,
  ]
}

/** Reads the position in a transaction of its own, after every importer that holds the table's lock has ended. */
export function readPositionUnderLockBatch(tableKey: string, lockTimeoutMs: number): string {
  return [
    'SET NOCOUNT ON;',
    'SET XACT_ABORT ON;',
    'DECLARE @lock int;',
    'BEGIN TRANSACTION;',
    takeLock(lockResource(tableKey), lockTimeoutMs),
    `SELECT [table_uuid], [snapshot_id], [sequence], [version] FROM ${appliedTable} WITH (UPDLOCK, HOLDLOCK)`,
    `WHERE [table_key] = ${quoteString(positionKey(tableKey))};`,
    'COMMIT TRANSACTION;',
    'SET XACT_ABORT OFF;',
  ].join('\n')
}

/**
 * Takes an application lock that the transaction owns. It raises nothing when the lock is not granted, so the return code
 * is looked at. The batch has declared `@lock int`.
 */
export function takeLock(resource: string, lockTimeoutMs: number): string {
  return [
    `EXEC @lock = sys.sp_getapplock @Resource = ${quoteString(resource)}, @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = ${milliseconds(lockTimeoutMs)};`,
    `IF @lock = -999 THROW ${raised.lockFailed}, N'icebridge: the application lock could not be asked for', 1;`,
    `IF @lock < 0 THROW ${raised.lockNotGranted}, N'icebridge: the application lock was not granted', 1;`,
  ].join('\n')
}

export interface PositionWrite {
  readonly tableKey: string
  readonly position: AppliedPosition
  /** The target, quoted, in two parts. */
  readonly target: string
  readonly lakeLocation: string
  readonly runId: string
  readonly atMs: number
}

/** The statement that moves the position, `insert` when there is none yet. It runs under the table's lock. */
export function writePosition(write: PositionWrite, mode: 'insert' | 'update'): string {
  const key = quoteString(positionKey(write.tableKey))
  const values: readonly (readonly [string, string])[] = [
    ['[table_uuid]', uuidLiteral(write.position.tableUuid)],
    ['[snapshot_id]', bigintLiteral(write.position.snapshotId)],
    ['[sequence]', bigintLiteral(write.position.sequence)],
    ['[target_table]', quoteString(write.target)],
    ['[target_object_id]', `OBJECT_ID(${quoteString(write.target)})`],
    ['[lake_location]', quoteString(write.lakeLocation.slice(0, 2000))],
    ['[run_id]', quoteString(write.runId.slice(0, 100))],
    ['[updated_at]', `CONVERT(datetime2(7), '${new Date(write.atMs).toISOString().slice(0, -1)}')`],
    ['[version]', String(appliedVersion)],
  ]
  if (mode === 'update') {
    return `UPDATE ${appliedTable} SET ${values.map(([name, value]) => `${name} = ${value}`).join(', ')}\nWHERE [table_key] = ${key};`
  }
  return [
    `INSERT INTO ${appliedTable} ([table_key], ${values.map(([name]) => name).join(', ')})`,
    `VALUES (${key}, ${values.map(([, value]) => value).join(', ')});`,
  ].join('\n')
}

/** A uuid as a typed T-SQL value. */
export function uuidLiteral(uuid: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) {
    throw new ImportError('invalid-argument', `${JSON.stringify(uuid)} is not a table uuid`, {
      hint: 'The lake table has no valid uuid in its metadata.',
    })
  }
  return `CONVERT(uniqueidentifier, '${uuid.toLowerCase()}')`
}

/** A 64-bit integer as a typed T-SQL value: bare digits past 2^31 would be a decimal. */
export function bigintLiteral(value: bigint): string {
  if (BigInt.asIntN(64, value) !== value) {
    throw new ImportError('invalid-argument', `${value} does not fit 64 bits`, { hint: 'The position is damaged.' })
  }
  return `CONVERT(bigint, '${value}')`
}

/** A whole, non-negative number of milliseconds that an int holds; -1 is "wait for ever". */
export function milliseconds(value: number): string {
  if (!Number.isInteger(value) || value < -1 || value > 0x7fffffff) {
    throw new ImportError('invalid-argument', `a lock time-out of ${value} ms is out of range`, {
      hint: 'Give whole milliseconds from 0 to 2147483647, or -1 to wait without limit.',
    })
  }
  return String(value)
}

function shortened(text: string, limit: number): string {
  if (text === '') {
    throw new ImportError('invalid-argument', 'the table key is empty', { hint: 'Give each table a key of its own.' })
  }
  if (text.length <= limit) return text
  return `${text.slice(0, limit - 65)}#${createHash('sha256').update(text).digest('hex')}`
}
