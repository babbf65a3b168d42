export { IcebergError, isIcebergError } from './errors.ts'
export type { IcebergErrorCode, IcebergErrorContext } from './errors.ts'
export {
  alwaysFalse,
  alwaysTrue,
  and,
  eq,
  gt,
  gteq,
  isIn,
  isNaN,
  isNull,
  lt,
  lteq,
  not,
  noteq,
  notIn,
  notNaN,
  notNull,
  notStartsWith,
  or,
  startsWith,
} from './expression/expression.ts'
export type {
  ComparisonOperator,
  Expression,
  Literal,
  PrefixOperator,
  SetOperator,
  UnaryOperator,
} from './expression/expression.ts'
export type { JsonArray, JsonObject, JsonValue } from './json/json-value.ts'
export type { DataFile, FileContent, FileFormat } from './manifest/data-file.ts'
export { mainBranch } from './metadata/snapshot.ts'
export type { Snapshot, SnapshotOperation, SnapshotRef } from './metadata/snapshot.ts'
export {
  ancestorsOf,
  currentSchema,
  currentSnapshot,
  defaultSortOrder,
  defaultSpec,
  isAncestor,
  schemaById,
  snapshotAsOf,
  snapshotById,
  snapshotByRef,
  specById,
} from './metadata/table-metadata.ts'
export type { FormatVersion, MetadataLogEntry, SnapshotLogEntry, TableMetadata } from './metadata/table-metadata.ts'
export type { TableRequirement } from './metadata/table-requirement.ts'
export type { TableUpdate } from './metadata/table-update.ts'
export type { AppendCommit, AppendOutcome, CommitAttempt } from './operation/append-commit.ts'
export { unpartitioned } from './partition/partition-spec.ts'
export type { PartitionField, PartitionSpec } from './partition/partition-spec.ts'
export { unsorted } from './partition/sort-order.ts'
export type { SortField, SortOrder } from './partition/sort-order.ts'
export { formatTransform, parseTransform } from './partition/transform.ts'
export type { Transform } from './partition/transform.ts'
export { formatIdentifier } from './port/catalog.ts'
export type { Catalog, CommitOutcome, CreateTable, LoadedTable, TableCommit, TableIdentifier } from './port/catalog.ts'
export type { Environment } from './port/environment.ts'
export type { ByteRange, FileEntry, FileIO, FileIOFactory, FileWriter, IOOptions } from './port/file-io.ts'
export { openTable, refreshTable, refreshTable as refresh } from './port/table-handle.ts'
export type { TableHandle } from './port/table-handle.ts'
export type { AppendScanTask, FileScanTask } from './scan/file-scan-task.ts'
export { findFieldById, findFieldByName, highestFieldId, indexById, schemaAsStruct } from './schema/schema.ts'
export type { LocatedField, Schema } from './schema/schema.ts'
export { isPrimitive, typeKind, typesEqual } from './schema/type.ts'
export type {
  DecimalType,
  FixedType,
  GeographyType,
  GeometryType,
  ListType,
  MapType,
  NestedField,
  PrimitiveType,
  SimpleType,
  StructType,
  Type,
  VariantType,
} from './schema/type.ts'
export type { PartitionValue, Value } from './value/value.ts'
