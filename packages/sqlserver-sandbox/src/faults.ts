import type { SqlError } from './session.ts'

/** What a client asked for: `transaction` are the driver's own begin, commit, rollback and save, `bulk` is the data of a bulk load. */
export type RequestKind = 'batch' | 'rpc' | 'transaction' | 'bulk'

export interface RequestInfo {
  readonly kind: RequestKind
  /**
   * A batch's text, an RPC's statement, the `INSERT BULK` statement of a bulk load, or `BEGIN TRANSACTION`,
   * `COMMIT TRANSACTION`, `ROLLBACK TRANSACTION`, `SAVE TRANSACTION` for the driver's own.
   */
  readonly text: string
}

export type FaultAction =
  /** Closes the connection without a word. */
  | { readonly do: 'drop' }
  /** Waits for so many milliseconds, or until `release()` when none are given. A cancel and a lost connection end it too. */
  | { readonly do: 'stall'; readonly ms?: number }
  /** Answers with this error; severity 20 and above then closes the connection. */
  | { readonly do: 'fail'; readonly error: Pick<SqlError, 'number' | 'message'> & Partial<SqlError> }

export interface FaultRule {
  /**
   * `before` the engine runs the request, `after` it (what it did stands, the client does not hear of it), in place of a `row`
   * that would be sent, or of a `bulkRow` received.
   */
  readonly at: 'before' | 'after' | 'row' | 'bulkRow'
  /** Counted from 1 over what the rule matches, from the moment it is added. Default 1. */
  readonly nth?: number
  readonly text?: RegExp
  readonly kind?: RequestKind
  readonly action: FaultAction
}

/** A rule in force. It fires once. */
export interface Fault {
  readonly rule: FaultRule
  readonly fired: boolean
  /** Settles when it fires. */
  readonly whenFired: Promise<void>
  /** Ends a stall, also one that has not begun. */
  release(): void
  remove(): void
}

/** The faults of one sandbox, over all its connections. Rules are added and cleared while it runs. */
export class FaultPlan {
  readonly #faults = new Set<ActiveFault>()

  add(rule: FaultRule): Fault {
    const fault = new ActiveFault(rule, () => this.#faults.delete(fault))
    this.#faults.add(fault)
    return fault
  }

  /** Every fault added and not removed, fired or not, in the order of their adding. */
  list(): readonly Fault[] {
    return [...this.#faults]
  }

  /** Removes all faults and ends their stalls. */
  clear(): void {
    for (const fault of this.#faults) fault.release()
    this.#faults.clear()
  }

  /** Counts a request that reached this point, and gives the faults that strike there. */
  strike(at: 'before' | 'after', request: RequestInfo): readonly Fault[] {
    const struck: Fault[] = []
    for (const fault of this.#faults) {
      if (fault.matches(at, request) && fault.count(1) !== undefined) struck.push(fault)
    }
    return struck
  }

  /** Whether a fault waits for rows of this request. */
  watches(at: 'row' | 'bulkRow', request: RequestInfo): boolean {
    for (const fault of this.#faults) if (fault.matches(at, request)) return true
    return false
  }

  /** Counts rows; gives the fault that strikes first and how many of the rows come before it. The rest is not counted then. */
  strikeRows(
    at: 'row' | 'bulkRow',
    rows: RequestInfo & { readonly count: number },
  ): { readonly fault: Fault; readonly before: number } | undefined {
    const waiting = [...this.#faults].filter((fault) => fault.matches(at, rows))
    const [first] = waiting.toSorted((left, right) => left.remaining - right.remaining)
    const counted = Math.min(rows.count, first?.remaining ?? rows.count)
    let struck: { fault: Fault; before: number } | undefined
    for (const fault of waiting) {
      if (fault === first) {
        if (fault.count(counted) !== undefined) struck = { fault, before: counted - 1 }
      } else if (fault.remaining > counted) fault.count(counted)
      else fault.count(fault.remaining - 1)
    }
    return struck
  }
}

class ActiveFault implements Fault {
  readonly rule: FaultRule
  readonly whenFired: Promise<void>
  /** Settles with `release`. */
  readonly released: Promise<void>
  remaining: number
  readonly #remove: () => void
  readonly #fire: () => void
  readonly #release: () => void

  constructor(rule: FaultRule, remove: () => void) {
    const nth = rule.nth ?? 1
    if (!Number.isSafeInteger(nth) || nth < 1) throw new RangeError(`nth is counted from 1, not ${nth}.`)
    this.rule = rule
    this.remaining = nth
    this.#remove = remove
    const fired = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.whenFired = fired.promise
    this.released = released.promise
    this.#fire = fired.resolve
    this.#release = released.resolve
  }

  get fired(): boolean {
    return this.remaining === 0
  }

  matches(at: FaultRule['at'], request: RequestInfo): boolean {
    const { rule } = this
    if (rule.at !== at || this.fired) return false
    if (rule.kind !== undefined && rule.kind !== request.kind) return false
    // A global regular expression would remember where it stopped.
    return (
      rule.text === undefined || new RegExp(rule.text.source, rule.text.flags.replace(/[gy]/g, '')).test(request.text)
    )
  }

  /** Counts down; gives itself when it fires. */
  count(by: number): this | undefined {
    this.remaining = Math.max(0, this.remaining - by)
    if (this.remaining > 0) return undefined
    this.#fire()
    return this
  }

  release(): void {
    this.#release()
  }

  remove(): void {
    this.#release()
    this.#remove()
  }
}

/** Waits as a stall does: for its time, its release, or the signal. */
export async function stall(fault: Fault, signal: AbortSignal): Promise<void> {
  const { action } = fault.rule
  if (action.do !== 'stall' || signal.aborted) return
  const waits: Promise<void>[] = []
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  waits.push(new Promise((resolve) => signal.addEventListener('abort', (onAbort = () => resolve()), { once: true })))
  if (fault instanceof ActiveFault) waits.push(fault.released)
  const { ms } = action
  if (ms !== undefined) waits.push(new Promise((resolve) => (timer = setTimeout(resolve, ms))))
  await Promise.race(waits)
  clearTimeout(timer)
  if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
}
