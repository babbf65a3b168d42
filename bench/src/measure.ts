import { readFileSync } from 'node:fs'

/** What a measured process reports on its last line. */
export interface Measured {
  readonly rows: number
  readonly seconds: number
  /** Processor time of the process, all of its threads, user and system. */
  readonly cpuSeconds: number
  readonly peakMb: number
}

type Times = Pick<Measured, 'seconds' | 'cpuSeconds'>

/** Runs something that counts rows, and prints what it took. The peak is the process's since its start. */
export async function measure(run: () => Promise<number>): Promise<void> {
  const cpu = process.cpuUsage()
  const before = performance.now()
  const rows = await run()
  const seconds = (performance.now() - before) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const measured: Measured = {
    rows,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMb: Math.round(peakKb() / 1024),
  }
  process.stdout.write(`${JSON.stringify(measured)}\n`)
}

/**
 * Resident memory at its peak. Where there is a /proc it is asked: `ru_maxrss` of a process on Linux begins with what its parent had when
 * it was started, and the parent of a leg has just filled a server.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_status.5.html VmHWM
 */
export function peakKb(): number {
  try {
    const [, kb] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    if (kb !== undefined) return Number(kb)
  } catch {
    // Another system.
  }
  return process.resourceUsage().maxRSS
}

/** The measurement of the median time. */
export function median(all: readonly Measured[]): Measured {
  const middle = all.toSorted((a, b) => a.seconds - b.seconds)[all.length >> 1]
  if (middle === undefined) throw new Error('nothing was measured')
  return {
    ...middle,
    cpuSeconds: all.map(({ cpuSeconds }) => cpuSeconds).toSorted((a, b) => a - b)[all.length >> 1] ?? 0,
  }
}

/** How many times as fast the first is as the second: by the clock and by processor time. */
export function ratios(of: Times, to: Times): { readonly ratio: number; readonly cpuRatio: number } {
  const round = (value: number): number => Math.round(value * 100) / 100
  return { ratio: round(to.seconds / of.seconds), cpuRatio: round(to.cpuSeconds / of.cpuSeconds) }
}
