import type { SnapshotOutcome } from '@icebridge/iceberg-core'

/** The outcome of a commit that must have landed. */
export function committed(outcome: SnapshotOutcome): Extract<SnapshotOutcome, { readonly status: 'committed' }> {
  if (outcome.status === 'committed') return outcome
  throw new Error(`${outcome.status}: ${outcome.status === 'conflict' ? outcome.reason : String(outcome.cause)}`)
}

/** The error of a call that must fail. */
export async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    (value) => new Error(`no error but ${JSON.stringify(value, (_, one: unknown) => String(one))}`),
    (error: unknown) => error,
  )
}
