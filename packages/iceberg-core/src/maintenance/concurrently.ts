/**
 * Calls `run` for every item, at most `limit` at a time, in order of their start. After the first failure no more are
 * started, and it is thrown when those under way have ended.
 */
export async function concurrently<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = (async function* all() {
    yield* items
  })()
  let failed = false
  const worker = async (): Promise<void> => {
    for (;;) {
      const next = failed ? undefined : await iterator.next()
      if (next === undefined || next.done === true) return
      try {
        await run(next.value)
      } catch (cause) {
        failed = true
        throw cause
      }
    }
  }
  const settled = await Promise.allSettled(Array.from({ length: limit }, worker))
  await iterator.return()
  for (const one of settled) if (one.status === 'rejected') throw one.reason
}
