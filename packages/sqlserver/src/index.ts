export { valueBytes, type StreamOptions } from './stream-options.ts'
export type { BulkLoadOptions } from './bulk-loader.ts'
export type { BulkColumn, BulkOptions, BulkTarget } from './bulk-target.ts'
export { classify, type Classified } from './classify.ts'
export type { SqlServerConfig } from './config.ts'
export { parseConnectionString } from './connection-string.ts'
export { SqlServerError, isSqlServerError } from './errors.ts'
export type { SqlServerErrorCode, SqlServerErrorContext } from './errors.ts'
export { exactReading, exactValues, useExactValues, type ExactReading, type ExactValues } from './exact-values/mode.ts'
export type { Row } from './exact-values/row-values.ts'
export { boundaryQuery, lastKeyQuery } from './key-ranges/boundary-query.ts'
export { parseBoundary, readBoundary, serializeBoundary, type KeyBoundary } from './key-ranges/key-boundary.ts'
export { rangeKeyOf, type RangeColumn, type RangeKey, type RangeKeyChoice } from './key-ranges/range-key.ts'
export { rowRange, type RangeEnds, type RowRange } from './key-ranges/row-range.ts'
export type { Logger } from './logger.ts'
export { quoteName, quoteString, quoteTable } from './quoting.ts'
export type { TableName } from './quoting.ts'
export { readColumns } from './read-columns.ts'
export type { BatchResult } from './result-reader.ts'
export { withRetry, type RetryOptions } from './retry.ts'
export type { ServerIdentity } from './server-identity.ts'
export { SqlConnection } from './sql-connection.ts'
export { SqlServer, type ConnectOptions } from './sql-server.ts'
export { formatSqlType, isSqlTypeName, sqlTypeNames } from './sql-type.ts'
export type { SqlType, SqlTypeName } from './sql-type.ts'
export {
  selectList,
  type ReadColumn,
  type ReadQuery,
  type ReadRole,
  type Sql,
  type SqlParameter,
  type SqlValue,
} from './sql.ts'
export type { StatementOptions } from './statements.ts'
export { keyOf } from './table-definition.ts'
export type { ColumnDefinition, ColumnProblem, KeyDefinition, TableDefinition } from './table-definition.ts'
