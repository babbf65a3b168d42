import type { AppliedPosition } from '@icebridge/journal'

/** What one merge did, by key. The four add up to the number of distinct keys in the unit. */
export interface MergeResult {
  readonly inserted: bigint
  readonly updated: bigint
  readonly deleted: bigint
  /** Keys whose row already had equal bytes, and deletes of keys that the target does not have. */
  readonly unchanged: bigint
}

/** What became of one unit. Every member but `applied` left the target as this call found it. */
export type ImportResult =
  | {
      /** The unit's rows and its position were committed together, by this call. */
      readonly status: 'applied'
      readonly merge: MergeResult
      /** Values that the target holds less of, by source column; only columns whose loss was declared. */
      readonly losses?: Readonly<Record<string, bigint>>
      /** Rows deleted because a reload that ended with the unit does not contain their key. */
      readonly removed: bigint
      /** Row versions staged; at least the number of distinct keys. */
      readonly rows: bigint
      readonly position: AppliedPosition
      /** How often the unit was begun: 1 when nothing had to be repeated. */
      readonly attempts: number
    }
  | {
      /**
       * The target is at or past the end of this unit: an earlier attempt whose answer was lost, or another importer.
       * `position` is where the target stands.
       */
      readonly status: 'alreadyApplied'
      readonly position: AppliedPosition
      readonly attempts: number
    }
  | {
      /** The target's position is neither the one the unit was cut from nor past the unit. Read it again and cut anew. */
      readonly status: 'conflict'
      readonly reason: string
      readonly position: AppliedPosition | undefined
      readonly attempts: number
    }
  | {
      /**
       * A row of the unit was refused: by a constraint, or because a value does not fit. Rows further on in the journal may mend that:
       * widen the unit to the journal's head once, and say so by `widest`: then a refusal is thrown.
       */
      readonly status: 'widen'
      readonly reason: string
      /** The server's error number; undefined for a value that does not fit. */
      readonly number: number | undefined
      readonly cause: unknown
      readonly attempts: number
    }

/**
 * Why a first load did not go straight into the target. `plan`: the definitions stand against it. Everything else is found out in the
 * transaction, which is rolled back: `occupied`: the target has rows. `constraint`: a key, a check or a foreign key refused a row.
 * `value`: a column refused a value. `permission`: the login may not bulk load. `deletes`: the load has deletes. `rows`: the target took other than the rows loaded.
 */
export type StraightReason = 'plan' | 'occupied' | 'constraint' | 'value' | 'permission' | 'deletes' | 'rows'

/** What became of a straight load. `declined` left the target as it was: the load is applied as units. */
export type StraightResult =
  | Exclude<ImportResult, { readonly status: 'widen' }>
  | {
      readonly status: 'declined'
      readonly reason: StraightReason
      /** For people. */
      readonly message: string
      readonly cause?: unknown
      readonly attempts: number
    }
