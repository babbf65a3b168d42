/**
 * The seam between the two halves of the sandbox: the wire (TDS over TCP) above, the engine (T-SQL on DuckDB) below.
 * The wire never sees SQL, the engine never sees bytes of the protocol.
 */

/** A SQL Server type as it stands in a column definition. Lengths are in bytes for char/binary, in characters for nchar/nvarchar, -1 is max. */
export type SqlType =
  | { readonly name: 'bit' | 'tinyint' | 'smallint' | 'int' | 'bigint' | 'real' | 'float' }
  | { readonly name: 'decimal' | 'numeric'; readonly precision: number; readonly scale: number }
  | {
      readonly name: 'money' | 'smallmoney' | 'date' | 'datetime' | 'smalldatetime' | 'uniqueidentifier' | 'rowversion'
    }
  | { readonly name: 'time' | 'datetime2' | 'datetimeoffset'; readonly scale: number }
  | { readonly name: 'char' | 'varchar' | 'nchar' | 'nvarchar'; readonly length: number; readonly collation?: string }
  | { readonly name: 'text' | 'ntext'; readonly collation?: string }
  | { readonly name: 'binary' | 'varbinary'; readonly length: number }
  | { readonly name: 'image' | 'xml' | 'sql_variant' }

/**
 * A value by its type: bit boolean · tinyint..int number · bigint bigint · real/float number · decimal, numeric, money, smallmoney
 * bigint, unscaled (money has scale 4) · date number, days since 0001-01-01 · time bigint, 100 ns since midnight · datetime2 bigint,
 * 100 ns since 0001-01-01 · datetime bigint, 1/300 s since 1900-01-01 · smalldatetime number, minutes since 1900-01-01 ·
 * datetimeoffset {utc: 100 ns since 0001-01-01 UTC, offsetMinutes} · strings and xml string · binary, rowversion Uint8Array ·
 * uniqueidentifier string, lower case with dashes · sql_variant {type, value}.
 */
export type SqlValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | { readonly utc: bigint; readonly offsetMinutes: number }
  | { readonly type: SqlType; readonly value: SqlValue }

export interface ResultColumn {
  /** Empty for an expression without an alias, as SQL Server sends it. */
  readonly name: string
  readonly type: SqlType
  readonly nullable: boolean
  readonly identity?: boolean
  readonly computed?: boolean
}

/** Some rows of a result: read cell by cell, so that the wire can encode straight from the engine's vectors. Valid until the call that got it returns. */
export interface ResultChunk {
  readonly rowCount: number
  readonly cells: readonly ((row: number) => SqlValue)[]
}

export interface SqlError {
  /** SQL Server's number, e.g. 208 for an invalid object name. */
  readonly number: number
  readonly state: number
  /** Severity 11-16 leaves the session usable, 20 and above ends it. */
  readonly severity: number
  readonly message: string
  readonly line: number
  readonly procedure?: string
}

/** What a batch says, in the order it says it. A call may wait: that is the back-pressure of the socket. */
export interface ResultSink {
  columns(columns: readonly ResultColumn[]): void | Promise<void>
  rows(chunk: ResultChunk): void | Promise<void>
  /** The end of one statement; rowCount is undefined under SET NOCOUNT ON or for statements that count nothing. */
  done(statement: {
    readonly rowCount?: number
    readonly kind: 'select' | 'insert' | 'update' | 'delete' | 'merge' | 'other'
  }): void | Promise<void>
  /** An error that the batch was not able to catch. The batch may go on after it, as SQL Server's does. */
  error(error: SqlError): void
  /** PRINT, RAISERROR with severity 10 or less. */
  info(message: SqlError): void
  /** USE, a new language and the like. */
  databaseChanged(database: string): void
  transactionChanged(change: { readonly kind: 'begin' | 'commit' | 'rollback'; readonly descriptor: bigint }): void
  /** RETURN value or output parameter of sp_executesql, by parameter name. */
  returnValue(name: string, type: SqlType, value: SqlValue): void
}

export interface Parameter {
  /** With the leading @. */
  readonly name: string
  readonly type: SqlType
  readonly value: SqlValue
  readonly output: boolean
}

export interface BulkColumn {
  readonly name: string
  readonly type: SqlType
}

/** One bulk load in progress, between INSERT BULK and its end. */
export interface BulkLoad {
  readonly columns: readonly BulkColumn[]
  /** The rows are the caller's to reuse after the promise settles. */
  write(rows: readonly (readonly SqlValue[])[]): Promise<void>
  /** Makes the rows visible (in the session's transaction, if one is open) and gives their count. The sink hears of a rollback. */
  finish(sink: ResultSink): Promise<number>
  abort(): Promise<void>
}

/** One connection's state: database, transaction, temp tables, SET options. Calls are not concurrent. */
export interface Session {
  readonly database: string
  /** Runs a batch to its end. Rejects only with an abort; everything else goes to the sink. */
  execute(batch: string, parameters: readonly Parameter[], sink: ResultSink, signal: AbortSignal): Promise<void>
  /** `statement` is the text of `INSERT BULK ...`; a SQL error is thrown as a `SandboxSqlError`. */
  bulkLoad(statement: string): Promise<BulkLoad>
  /** The transaction manager requests of TDS (driver-side begin, commit, rollback). */
  begin(isolation: IsolationLevel | undefined, sink: ResultSink): Promise<void>
  commit(sink: ResultSink): Promise<void>
  rollback(sink: ResultSink, savepoint?: string): Promise<void>
  save(savepoint: string, sink: ResultSink): Promise<void>
  /** sp_reset_connection: rolls back, drops temp tables, restores SET options and the login's database. */
  reset(): Promise<void>
  close(): Promise<void>
}

export type IsolationLevel = 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable' | 'snapshot'

export interface Login {
  readonly userName: string
  readonly password: string
  readonly database: string | undefined
  readonly appName: string
  readonly hostName: string
}

export interface Engine {
  /** Throws `SandboxSqlError` 18456 for a wrong login, 4060 for a database that is not there. */
  login(login: Login): Promise<Session>
  close(): Promise<void>
}

export class SandboxSqlError extends Error {
  override readonly name = 'SandboxSqlError'
  readonly error: SqlError
  constructor(error: SqlError) {
    super(error.message)
    this.error = error
  }
}
