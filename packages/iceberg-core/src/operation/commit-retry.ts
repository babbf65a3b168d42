import type { Environment } from '../port/environment.ts'

/** How often and how patiently a commit is tried again after a conflict. */
export interface CommitRetry {
  /** Attempts after the first one. */
  readonly retries: number
  readonly minWaitMs: number
  readonly maxWaitMs: number
  readonly totalTimeoutMs: number
}

/** The table's `commit.retry.*` properties, with Iceberg's defaults, and what the caller says over them. */
export function commitRetry(
  properties: Readonly<Record<string, string>>,
  override: Partial<CommitRetry> = {},
): CommitRetry {
  const read = (name: string, fallback: number): number => {
    const value = Number(properties[`commit.retry.${name}`])
    return Number.isFinite(value) && value >= 0 ? value : fallback
  }
  return {
    retries: override.retries ?? read('num-retries', 4),
    minWaitMs: override.minWaitMs ?? read('min-wait-ms', 100),
    maxWaitMs: override.maxWaitMs ?? read('max-wait-ms', 60_000),
    totalTimeoutMs: override.totalTimeoutMs ?? read('total-timeout-ms', 1_800_000),
  }
}

/** The wait before retry number `attempt` (1 is the first): doubling, and drawn from the upper half so that two writers part. */
export function retryDelayMs(retry: CommitRetry, attempt: number, environment: Environment): number {
  const longest = Math.min(retry.maxWaitMs, retry.minWaitMs * 2 ** (attempt - 1))
  const random = Number.parseInt(environment.uuid().slice(0, 8), 16) / 0xffffffff
  return Math.round(longest * (0.5 + random / 2))
}
