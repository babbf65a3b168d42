/** Time, ids and waiting, passed in so that the format itself has neither clock nor randomness. */
export interface Environment {
  /** Milliseconds since 1970-01-01 UTC. */
  nowMs(): number
  /** A fresh random UUID, lower case with hyphens. */
  uuid(): string
  /** A fresh snapshot id, positive; made from {@link uuid} when absent. */
  randomSnapshotId?(): bigint
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
