import type { Environment } from '@icebridge/iceberg-core'

/** A UUID of version 7, as the REST catalog spec wants it: the time in milliseconds, then randomness. */
export function newIdempotencyKey(environment: Environment): string {
  const time = Math.floor(environment.nowMs()).toString(16).padStart(12, '0').slice(-12)
  const random = environment.uuid()
  // `random` is xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx: its last two groups hold the variant and randomness.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15, 18)}-${random.slice(19)}`
}
