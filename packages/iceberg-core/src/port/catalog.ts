import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { TableRequirement } from '../metadata/table-requirement.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { SortOrder } from '../partition/sort-order.ts'
import type { Schema } from '../schema/schema.ts'
import type { FileIO, FileIOFactory, IOOptions } from './file-io.ts'

export interface TableIdentifier {
  readonly namespace: readonly string[]
  readonly name: string
}

/** `erp_dbo.orders`: for messages and logs; levels that hold dots make it ambiguous. */
export function formatIdentifier(identifier: TableIdentifier): string {
  return [...identifier.namespace, identifier.name].join('.')
}

export interface CreateTable {
  /** Field ids are assigned afresh; those given here only tie spec, order and identifier fields to the columns. */
  readonly schema: Schema
  readonly partitionSpec?: PartitionSpec | undefined
  readonly sortOrder?: SortOrder | undefined
  readonly location?: string | undefined
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** 2 when absent. */
  readonly formatVersion?: 2 | 3 | undefined
}

export interface LoadedTable {
  readonly metadata: TableMetadata
  readonly metadataLocation: string
  /** What the catalog wants the client to use for this table, credentials included. */
  readonly config: Readonly<Record<string, string>>
}

/** Changes to a namespace's properties; no key is in both. */
export interface NamespaceUpdate {
  readonly set?: Readonly<Record<string, string>> | undefined
  readonly remove?: readonly string[] | undefined
}

export interface TableCommit {
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
  /** The table as the caller last saw it. */
  readonly base: LoadedTable
}

/**
 * - `committed`: durable; `table` is the state that the commit made.
 * - `conflict`: nothing was changed, and never will be by this request.
 * - `unknown`: the answer was lost; the commit may have landed, or may still.
 */
export type CommitOutcome =
  | { readonly status: 'committed'; readonly table: LoadedTable }
  | { readonly status: 'conflict'; readonly reason: string }
  | { readonly status: 'unknown'; readonly cause: unknown }

/** Names tables and swaps their metadata atomically. Each call may throw IcebergError `io`. */
export interface Catalog extends AsyncDisposable {
  readonly name: string
  /** Namespaces below `options.parent`, or at the top; each in full. */
  listNamespaces(
    options?: IOOptions & { readonly parent?: readonly string[] | undefined },
  ): Promise<readonly (readonly string[])[]>
  /** @throws IcebergError `already-exists`. */
  createNamespace(
    namespace: readonly string[],
    properties?: Readonly<Record<string, string>>,
    options?: IOOptions,
  ): Promise<void>
  namespaceExists(namespace: readonly string[], options?: IOOptions): Promise<boolean>
  /** Absent where a catalog has none. @throws IcebergError `no-such-namespace`. */
  namespaceProperties?(namespace: readonly string[], options?: IOOptions): Promise<Readonly<Record<string, string>>>
  /** A property that is removed and absent is fine. @throws IcebergError `no-such-namespace` or `invalid-argument`. */
  updateNamespaceProperties?(namespace: readonly string[], update: NamespaceUpdate, options?: IOOptions): Promise<void>
  /** @throws IcebergError `no-such-namespace` or `namespace-not-empty`. */
  dropNamespace(namespace: readonly string[], options?: IOOptions): Promise<void>
  /** @throws IcebergError `no-such-namespace`. */
  listTables(namespace: readonly string[], options?: IOOptions): Promise<readonly TableIdentifier[]>
  tableExists(identifier: TableIdentifier, options?: IOOptions): Promise<boolean>
  /** @throws IcebergError `no-such-table` or `no-such-namespace`. */
  loadTable(identifier: TableIdentifier, options?: IOOptions): Promise<LoadedTable>
  /** @throws IcebergError `already-exists` or `no-such-namespace`. */
  createTable(identifier: TableIdentifier, create: CreateTable, options?: IOOptions): Promise<LoadedTable>
  /** Takes an existing metadata file in. @throws IcebergError `already-exists`. */
  registerTable(identifier: TableIdentifier, metadataLocation: string, options?: IOOptions): Promise<LoadedTable>
  renameTable?(from: TableIdentifier, to: TableIdentifier, options?: IOOptions): Promise<void>
  /** `purge` deletes the table's files too. @throws IcebergError `no-such-table`. */
  dropTable(identifier: TableIdentifier, options?: IOOptions & { readonly purge?: boolean | undefined }): Promise<void>
  /**
   * Applies the updates when every requirement holds on the table's newest state, all or nothing.
   *
   * @throws IcebergError `no-such-table`, or any error raised before the swap was sent. After that point the answer is
   * a {@link CommitOutcome}; a request that may have been sent is `unknown`, never thrown.
   */
  commitTable(identifier: TableIdentifier, commit: TableCommit, options?: IOOptions): Promise<CommitOutcome>
  /**
   * The store of a table's files, for catalogs that hand out credentials with the table: it asks for new ones before they
   * expire. Absent where `io(location, config)` will do.
   */
  tableIO?(identifier: TableIdentifier, loaded: LoadedTable, io: FileIOFactory): FileIO
}
