import type { JsonValue } from '../json/json-value.ts'
import type { Schema } from './schema.ts'
import type { Type } from './type.ts'

/** A column to add; its ids are assigned. */
export interface AddColumn {
  readonly name: string
  readonly type: Type
  /** Dotted path of the struct to add it to; the row itself when absent. */
  readonly parent?: string | undefined
  readonly doc?: string | undefined
  /** Only with an initial default, in format version 3. */
  readonly required?: boolean | undefined
  /** In the JSON single-value form, format version 3. */
  readonly initialDefault?: unknown
  /** The initial default when absent. */
  readonly writeDefault?: unknown
}

/** A new place for a column within its struct. */
export type MoveColumn =
  | { readonly column: string; readonly to: 'first' }
  | { readonly column: string; readonly before: string }
  | { readonly column: string; readonly after: string }

/**
 * Changes to a schema, applied in this order: drop, rename, widen, make optional, document, default, add, union, move,
 * identify.
 *
 * Columns are named by their dotted path in the current schema; in `moveColumns` and `identifierFields` by their path
 * after the other changes.
 */
export interface SchemaChanges {
  readonly dropColumns?: readonly string[] | undefined
  readonly renameColumns?: readonly { readonly column: string; readonly name: string }[] | undefined
  readonly updateTypes?: readonly { readonly column: string; readonly type: Type }[] | undefined
  readonly makeOptional?: readonly string[] | undefined
  /** Without `doc` the column has none afterwards. */
  readonly documentColumns?: readonly { readonly column: string; readonly doc?: string | undefined }[] | undefined
  /** What writers store where a row has no value, in the JSON single-value form; `null` for none. Format version 3. */
  readonly writeDefaults?: readonly { readonly column: string; readonly value: JsonValue }[] | undefined
  readonly addColumns?: readonly AddColumn[] | undefined
  /**
   * Columns that the table lacks are added as optional, narrower ones widened, required ones that are optional here made
   * optional, at every depth. Matched by name; ids do not count.
   */
  readonly unionByName?: Pick<Schema, 'fields'> | undefined
  readonly moveColumns?: readonly MoveColumn[] | undefined
  /** All of them; an empty list takes them away. */
  readonly identifierFields?: readonly string[] | undefined
}
