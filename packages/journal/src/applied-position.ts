/**
 * Up to where a target has a journal's changes.
 *
 * Every row version with `_sync_seq` up to `sequence`, inclusive, as the journal stood at `snapshotId`, is applied, and
 * none after it. A unit that ends inside a snapshot leaves a position whose snapshot goes further than its sequence.
 */
export interface AppliedPosition {
  readonly tableUuid: string
  readonly snapshotId: bigint
  readonly sequence: bigint
}
