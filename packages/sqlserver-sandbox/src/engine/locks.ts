import { sqlError } from './errors.ts'

/** shared: readers and Sch-S; update/exclusive by SQL Server's rules; `schema` keeps everybody out. */
export type LockMode = 'shared' | 'update' | 'write' | 'exclusive'

const compatible: Readonly<Record<LockMode, ReadonlySet<LockMode>>> = {
  shared: new Set<LockMode>(['shared', 'update', 'write']),
  update: new Set<LockMode>(['shared']),
  write: new Set<LockMode>(['shared']),
  exclusive: new Set<LockMode>(),
}

interface Held {
  readonly owner: object
  readonly mode: LockMode
}

interface Waiter extends Held {
  readonly grant: () => void
}

interface Resource {
  held: Held[]
  waiting: Waiter[]
}

export type LockOutcome = 'granted' | 'granted after waiting' | 'timeout' | 'deadlock' | 'aborted'

/** Locks on named resources, first come first served, with detection of deadlocks before a wait begins. */
export class LockManager {
  readonly #resources = new Map<string, Resource>()

  holds(owner: object, name: string): LockMode | undefined {
    return this.#resources.get(name)?.held.find((h) => h.owner === owner)?.mode
  }

  /** timeoutMs -1 waits for ever, 0 does not wait. */
  async acquire(
    owner: object,
    name: string,
    mode: LockMode,
    options: { timeoutMs: number; signal?: AbortSignal; rules?: 'application' },
  ): Promise<LockOutcome> {
    const resource = this.#resources.get(name) ?? { held: [], waiting: [] }
    this.#resources.set(name, resource)
    const fits = (): boolean => resource.held.every((h) => h.owner === owner || compatible[h.mode].has(mode))
    if (fits() && (resource.waiting.length === 0 || resource.held.some((h) => h.owner === owner))) {
      resource.held.push({ owner, mode })
      return 'granted'
    }
    if (options.timeoutMs === 0) return 'timeout'
    if (this.#wouldDeadlock(owner, resource)) return 'deadlock'
    return await new Promise<LockOutcome>((resolve) => {
      const finish = (outcome: LockOutcome): void => {
        clearTimeout(timer)
        options.signal?.removeEventListener('abort', onAbort)
        resource.waiting = resource.waiting.filter((w) => w !== waiter)
        this.#pump(name, resource)
        resolve(outcome)
      }
      const onAbort = (): void => finish('aborted')
      const timer = options.timeoutMs > 0 ? setTimeout(() => finish('timeout'), options.timeoutMs) : undefined
      const waiter: Waiter = {
        owner,
        mode,
        grant: () => {
          resource.held.push({ owner, mode })
          finish('granted after waiting')
        },
      }
      resource.waiting.push(waiter)
      options.signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Releases one lock, the latest taken; false when none is held. */
  release(owner: object, name: string): boolean {
    const resource = this.#resources.get(name)
    const index = resource?.held.findLastIndex((h) => h.owner === owner) ?? -1
    if (resource === undefined || index < 0) return false
    resource.held.splice(index, 1)
    this.#pump(name, resource)
    return true
  }

  releaseAll(owner: object): void {
    for (const [name, resource] of this.#resources) {
      if (!resource.held.some((h) => h.owner === owner)) continue
      resource.held = resource.held.filter((h) => h.owner !== owner)
      this.#pump(name, resource)
    }
  }

  #pump(name: string, resource: Resource): void {
    const next = resource.waiting[0]
    if (next === undefined) {
      if (resource.held.length === 0) this.#resources.delete(name)
      return
    }
    if (resource.held.every((h) => h.owner === next.owner || compatible[h.mode].has(next.mode))) next.grant()
  }

  /** Whether somebody this owner would wait for already waits for it. */
  #wouldDeadlock(owner: object, resource: Resource): boolean {
    const seen = new Set<object>()
    const queue = resource.held.map((h) => h.owner).filter((o) => o !== owner)
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (next === owner) return true
      if (seen.has(next)) continue
      seen.add(next)
      for (const other of this.#resources.values()) {
        if (!other.waiting.some((w) => w.owner === next)) continue
        for (const h of other.held) if (h.owner !== next) queue.push(h.owner)
      }
    }
    return false
  }
}

export function deadlockError(process: number): Error {
  return sqlError(
    1205,
    `Transaction (Process ID ${process}) was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction.`,
  )
}
