import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Environment } from '@icebridge/iceberg-core'

/** The machine's clock, randomness and timers. */
export const systemEnvironment: Environment = {
  nowMs: () => Date.now(),
  uuid: () => randomUUID(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}
