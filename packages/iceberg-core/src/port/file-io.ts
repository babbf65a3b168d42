/** Options that every call to a store takes. */
export interface IOOptions {
  readonly signal?: AbortSignal | undefined
}

/** A stretch of a file in bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface FileEntry {
  readonly path: string
  readonly sizeBytes: number
  readonly lastModifiedMs: number
}

/**
 * A file being written. It appears in the store at {@link close}, whole and durable, or not at all.
 *
 * `close` and `abort` may be called more than once; the first one decides.
 */
export interface FileWriter {
  readonly path: string
  /** Bytes accepted so far. */
  readonly sizeBytes: number
  /** Resolves when the store is ready for more. The bytes may be reused by the caller after that. */
  write(bytes: Uint8Array): Promise<void>
  /** @throws IcebergError `already-exists` when another writer made the file in the meantime. */
  close(): Promise<void>
  /** Drops what was written; never throws for a file that is already gone. */
  abort(): Promise<void>
}

/**
 * Where files live. Implementations owe the failures named here: upper layers decide by them.
 *
 * Paths are full locations as they stand in metadata. Every call throws the signal's reason when it is aborted.
 */
export interface FileIO {
  /** @throws IcebergError `not-found` (context.path) or `io`; a range past the end gives what there is. */
  read(path: string, options?: IOOptions & { readonly range?: ByteRange | undefined }): Promise<Uint8Array>
  /** @throws IcebergError `not-found` or `io`. */
  stat(path: string, options?: IOOptions): Promise<{ readonly sizeBytes: number }>
  /** Never overwrites. @throws IcebergError `already-exists`, here or at `close()`, or `io`. */
  create(path: string, options?: IOOptions): Promise<FileWriter>
  /**
   * Puts a small file in place, over the one that is there: a reader finds the old bytes or the new ones. For hints beside a
   * table, never for what metadata refers to. Absent where a store cannot do it. @throws IcebergError `io`.
   */
  replace?(path: string, bytes: Uint8Array, options?: IOOptions): Promise<void>
  /** A file that is absent is fine. */
  delete(path: string, options?: IOOptions): Promise<void>
  /** Every file whose path begins with `prefix`, at any depth, in no order; nothing for a prefix that is absent. */
  list(prefix: string, options?: IOOptions): AsyncIterable<FileEntry>
}

/** Picks the store for a location. @throws IcebergError `invalid-argument` that names a scheme nobody serves. */
export type FileIOFactory = (location: string, properties: Readonly<Record<string, string>>) => FileIO
