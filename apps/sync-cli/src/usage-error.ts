/** A mistake in how the command was called; nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
