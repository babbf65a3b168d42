import type { ColumnDefinition, TableName } from '@icebridge/sqlserver'
import type { StraightVerdict } from './straight-verdict.ts'

export type ImportProblemCode =
  | 'no-key'
  | 'no-matching-key'
  | 'key-not-exact'
  | 'key-collation'
  | 'missing-column'
  | 'narrower-column'
  | 'different-type'
  | 'not-null'
  | 'required-column'
  | 'row-filter'
  | 'memory-optimized'
  | 'identity-cascade'
  | 'too-many-columns'
  | 'row-too-wide'

/** Something that must be mended, or declared, before a row is written. */
export interface ImportProblem {
  readonly code: ImportProblemCode
  /** The column's name; absent for a problem of the whole table. */
  readonly column?: string
  readonly message: string
  /** What the operator can do about it. */
  readonly hint: string
}

export type ImportNoteCode =
  | 'extra-column'
  | 'skipped-column'
  | 'declared-loss'
  | 'identity-insert'
  | 'key-collation-family'
  | 'wide-clustered-key'
  | 'triggers'
  | 'temporal'

/** Something worth knowing that stops nothing. */
export interface ImportNote {
  readonly code: ImportNoteCode
  readonly column?: string
  readonly message: string
}

/** One source column's way into the target. */
export type ImportColumn =
  | {
      /** `narrowed` is a problem of the plan, unless the loss was declared. */
      readonly verdict: 'exact' | 'narrowed'
      readonly source: ColumnDefinition
      readonly target: ColumnDefinition
      readonly key: boolean
      /** What would be lost; only for `narrowed`. */
      readonly loss?: string
    }
  | {
      /** Always a problem: there is no target column, or its type is of another kind. */
      readonly verdict: 'refused'
      readonly source: ColumnDefinition
      readonly target: ColumnDefinition | undefined
      readonly reason: string
    }
  | {
      /** Not written: declared, or the target makes the value itself. */
      readonly verdict: 'skipped'
      readonly source: ColumnDefinition
      readonly target: ColumnDefinition | undefined
      readonly reason: 'declared' | 'computed' | 'rowversion' | 'generated-always'
    }

/** How one table goes into one target. A plan with problems is never carried out. */
export interface ImportPlan {
  readonly source: TableName
  readonly target: TableName
  /** Every column of the source, in its order. */
  readonly columns: readonly ImportColumn[]
  /** Target columns of the key by which rows are merged; empty when there is a problem with it. */
  readonly key: readonly string[]
  /** Whether units may be cut inside a snapshot: not with secondary unique indexes or foreign keys. */
  readonly cutAnywhere: boolean
  /** Whether a first load may go straight into the target, when that is empty; else why it is staged like any unit. */
  readonly straight: StraightVerdict
  readonly problems: readonly ImportProblem[]
  readonly notes: readonly ImportNote[]
}

export interface ImportPlanOptions {
  /** The target's name when there is no definition of it yet; by default the source's. */
  readonly target?: TableName
  /** Source columns that are not to be written. A column of the key cannot be skipped. */
  readonly skipColumns?: readonly string[]
  /**
   * Source columns whose target may be narrower. The values of a unit are looked at before it is merged: what would be rounded or
   * replaced (fractions of a second, digits, characters outside a code page) is lost then, and counted in the result; what does not
   * fit (lengths, ranges) makes the unit fail with `value-does-not-fit`, by column and key.
   */
  readonly allowLoss?: readonly string[]
  /** Whether a straight load is to fire the target's triggers, by default false: then a target with triggers is staged. */
  readonly fireTriggers?: boolean
  /** What becomes of computed columns on a target that is created; by default `data`. */
  readonly computedColumns?: 'data' | 'recreate'
}
