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
export type { JsonOrigin } from './json/json-fields.ts'
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
export type { AppendCommit, AppendOutcome } from './operation/append-commit.ts'
export type {
  CommitAttempt,
  ConflictValidation,
  SnapshotCommit,
  SnapshotOptions,
  SnapshotOutcome,
} from './operation/snapshot-commit.ts'
export { unpartitioned } from './partition/partition-spec.ts'
export type { PartitionField, PartitionSpec } from './partition/partition-spec.ts'
export { unsorted } from './partition/sort-order.ts'
export type { SortField, SortOrder } from './partition/sort-order.ts'
export { formatTransform, parseTransform } from './partition/transform.ts'
export type { Transform } from './partition/transform.ts'
export { formatIdentifier } from './port/catalog.ts'
export type {
  Catalog,
  CommitOutcome,
  CreateTable,
  LoadedTable,
  NamespaceUpdate,
  TableCommit,
  TableIdentifier,
} from './port/catalog.ts'
export type { Environment } from './port/environment.ts'
export type { ByteRange, FileEntry, FileIO, FileIOFactory, FileWriter, IOOptions } from './port/file-io.ts'
export { openTable, refreshTable, refreshTable as refresh } from './port/table-handle.ts'
export type { TableHandle } from './port/table-handle.ts'
export type { AppendScanTask, ChangelogScanTask, FileScanTask } from './scan/file-scan-task.ts'
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
export { isJsonArray, isJsonObject, parseJsonLossless, stringifyJsonLossless } from './json/lossless-json.ts'
export { applyUpdates, previousVersionsMaxProperty } from './metadata/apply-updates.ts'
export type { ApplyOptions } from './metadata/apply-updates.ts'
export { checkRequirements } from './metadata/check-requirements.ts'
export { createTableMetadata } from './metadata/create-table-metadata.ts'
export {
  parseTableMetadata,
  serializeTableMetadata,
  tableMetadataFromJson,
  tableMetadataToJson,
} from './metadata/table-metadata-json.ts'
export { tableRequirementFromJson, tableRequirementToJson } from './metadata/table-requirement-json.ts'
export { tableUpdateFromJson, tableUpdateToJson } from './metadata/table-update-json.ts'
export {
  acceptsSource,
  applyTransform,
  bucketHash,
  transformFunction,
  transformResultType,
} from './partition/apply-transform.ts'
export { assignFreshIds } from './schema/assign-fresh-ids.ts'
export type { FreshSchema } from './schema/assign-fresh-ids.ts'
export { evolveSchema } from './schema/evolve-schema.ts'
export type { AddColumn, MoveColumn, SchemaChanges } from './schema/schema-changes.ts'
export { nameMappingProperty, parseNameMapping, serializeNameMapping } from './schema/name-mapping.ts'
export type { MappedField, NameMapping } from './schema/name-mapping.ts'
export {
  changeOrdinalColumn,
  changeTypeColumn,
  commitSnapshotIdColumn,
  deletedColumn,
  deleteFilePathColumn,
  deletePositionColumn,
  deleteRowColumn,
  deleteRowColumnId,
  fileColumn,
  highestTableFieldId,
  lastUpdatedSequenceNumberColumn,
  partitionColumn,
  partitionColumnId,
  positionColumn,
  rowIdColumn,
  specIdColumn,
} from './schema/metadata-columns.ts'
export { canPromote } from './schema/promotion.ts'
export { formatPrimitiveType, formatType, parsePrimitiveType } from './schema/type-json.ts'
export { validateSchema } from './schema/validate-schema.ts'
export {
  defaultBoundLength,
  truncateBytesLower,
  truncateBytesUpper,
  truncateStringLower,
  truncateStringUpper,
} from './value/bounds.ts'
export { compareStrings, compareValues } from './value/compare.ts'
export {
  bigEndian,
  decimalByteLength,
  formatDecimal,
  fromBigEndian,
  minimalBigEndian,
  parseDecimal,
} from './value/decimal.ts'
export { singleValueFromJson, singleValueToJson } from './value/single-value-json.ts'
export type { MapValue, NestedValue, StructValue } from './value/single-value-json.ts'
export { singleValueFromBytes, singleValueToBytes } from './value/single-value.ts'
export { formatDate, formatTime, formatTimestamp, parseDate, parseTime, parseTimestamp } from './value/calendar.ts'
export { uuidFromBytes, uuidToBytes } from './value/uuid.ts'
export { partitionPath } from './partition/partition-path.ts'
export { partitionSpecToJson } from './partition/partition-spec-json.ts'
export { sortOrderToJson } from './partition/sort-order-json.ts'
export { schemaToJson } from './schema/schema-json.ts'
export { bindExpression } from './expression/bind.ts'
export type { BoundExpression, ColumnTerm } from './expression/bind.ts'
export { FileMatcher } from './expression/file-matcher.ts'
export type { FileMatch } from './expression/file-matcher.ts'
export { manifestMightMatch, partitionMatches } from './expression/manifest-evaluator.ts'
export { fileMightMatch } from './expression/metrics-evaluator.ts'
export { evaluate, testValue } from './expression/predicate.ts'
export type { Predicate, Term, Test } from './expression/predicate.ts'
export { projectInclusive } from './expression/project.ts'
export type { PartitionPredicate, PartitionTerm } from './expression/project.ts'
export { decodeBounds, rangeMightMatch } from './expression/range.ts'
export type { ValueRange } from './expression/range.ts'
export { residualFor, unbind } from './expression/residual.ts'
export type { FileMetrics } from './manifest/entry-reader.ts'
export type { EntryStatus, ManifestEntry } from './manifest/manifest-entry.ts'
export { hasLiveFiles } from './manifest/manifest-file.ts'
export type { FieldSummary, ManifestFile } from './manifest/manifest-file.ts'
export { partitionTypes } from './manifest/partition-type.ts'
export type { PartitionFieldType } from './manifest/partition-type.ts'
export { readManifestList } from './manifest/read-manifest-list.ts'
export { readManifest } from './manifest/read-manifest.ts'
export type { ManifestReadOptions } from './manifest/read-manifest.ts'
export { ManifestWriter } from './manifest/write-manifest.ts'
export type { NewManifest } from './manifest/write-manifest.ts'
export { writeManifestList } from './manifest/write-manifest-list.ts'
export type { SnapshotToWrite, WrittenManifestList } from './manifest/write-manifest-list.ts'
export { encodeTableMetadata } from './metadata/metadata-codec.ts'
export { createSnapshotId, freshSnapshotId } from './metadata/snapshot-id.ts'
export { dataFolder, metadataFolder, metadataVersion, nextMetadataLocation } from './metadata/table-locations.ts'
export { append } from './operation/append.ts'
export { commitMetadata } from './operation/commit-metadata.ts'
export type { MetadataChange, MetadataCommitOptions, MetadataOutcome, Refusal } from './operation/commit-metadata.ts'
export {
  createBranch,
  createTag,
  fastForward,
  removeRef,
  replaceBranch,
  replaceTag,
  updateRefRetention,
} from './operation/manage-refs.ts'
export type { CreateRef } from './operation/manage-refs.ts'
export type { RefRetention, SnapshotTarget } from './operation/refs.ts'
export { rollbackTo, rollbackToTime, setCurrentSnapshot } from './operation/rollback.ts'
export { updatePartitionSpec } from './operation/update-partition-spec.ts'
export { updateProperties } from './operation/update-properties.ts'
export type { PropertyChanges } from './operation/update-properties.ts'
export { updateSchema } from './operation/update-schema.ts'
export { updateSortOrder } from './operation/update-sort-order.ts'
export type { SortBy } from './operation/update-sort-order.ts'
export { updateStatistics } from './operation/update-statistics.ts'
export type {
  BlobMetadata,
  PartitionStatisticsFile,
  StatisticsChanges,
  StatisticsFile,
} from './operation/update-statistics.ts'
export { updateLocation, upgradeFormatVersion } from './operation/update-table.ts'
export type { AddPartitionField, PartitionSpecChanges } from './partition/evolve-partition-spec.ts'
export { cherryPick } from './operation/cherry-pick.ts'
export type { CherryPickCommit } from './operation/cherry-pick.ts'
export { deleteFiles } from './operation/delete-files.ts'
export type { DeleteFilesCommit } from './operation/delete-files.ts'
export { overwrite } from './operation/overwrite.ts'
export type { OverwriteCommit } from './operation/overwrite.ts'
export { replaceFiles } from './operation/replace-files.ts'
export type { ReplaceFilesCommit } from './operation/replace-files.ts'
export { rewriteManifests } from './operation/rewrite-manifests.ts'
export type { RewriteManifestsCommit } from './operation/rewrite-manifests.ts'
export { rowDelta } from './operation/row-delta.ts'
export type { RowDeltaCommit } from './operation/row-delta.ts'
export type { SnapshotOptions as AppendOptions } from './operation/snapshot-commit.ts'
export type { CommitRetry } from './operation/commit-retry.ts'
export { isDeletionVector, onlyDataFileOf } from './manifest/delete-file.ts'
export { partitionKey } from './manifest/partition-key.ts'
export { DeleteFileIndex } from './scan/delete-file-index.ts'
export type { DataEntry } from './scan/delete-file-index.ts'
export { planChangelog } from './scan/plan-changelog.ts'
export type { ChangelogScanOptions } from './scan/plan-changelog.ts'
export type { CleanupFailure } from './maintenance/file-deletion.ts'
export type { DeletedFiles } from './maintenance/delete-expired-files.ts'
export { expireSnapshots } from './maintenance/expire-snapshots.ts'
export type { ExpireOptions, ExpireOutcome, ExpireSnapshots } from './maintenance/expire-snapshots.ts'
export { removeOrphanFiles } from './maintenance/remove-orphan-files.ts'
export type { OrphanFiles, RemoveOrphanFiles, RemoveOrphanOptions } from './maintenance/remove-orphan-files.ts'
export type { ExpirySelection } from './maintenance/snapshot-retention.ts'
export { planIncrementalAppends } from './scan/plan-incremental-appends.ts'
export type { IncrementalScanOptions } from './scan/plan-incremental-appends.ts'
export type { SnapshotRange } from './scan/snapshot-range.ts'
export { planScan, scanSchema } from './scan/plan-scan.ts'
export type { ScanOptions, SnapshotChoice } from './scan/plan-scan.ts'
export { AvroCompiler, forEachItem } from './avro/avro-decoder.ts'
export type { Decode, DecodedRecord, FieldNames, Skip } from './avro/avro-decoder.ts'
export { forEachRecord, openAvroFile } from './avro/avro-reader.ts'
export type { AvroFile } from './avro/avro-reader.ts'
export type { AvroField, AvroType, AvroTypes } from './avro/avro-schema-types.ts'
export type { AvroSourceOptions } from './avro/avro-source.ts'
export type { Cursor } from './avro/cursor.ts'
