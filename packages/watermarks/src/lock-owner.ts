import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number
  /** The host's name and, on Linux, the process namespace: a pid means something only there. */
  readonly host: string
  /** Tells a process from a later one with the same pid: boot and start time on Linux, empty elsewhere. */
  readonly start: string
  /** Unique to one acquisition. */
  readonly token: string
}

/** This process as the owner of a lock. `token` must be unique and fit for a file name. */
export async function currentOwner(token: string): Promise<LockOwner> {
  return { pid: process.pid, host: await hostId(), start: (await startOf(process.pid)) ?? '', token }
}

/** True only when the owner cannot be running: it lived on this host and its process is gone or another one has its pid. */
export async function isOwnerGone(owner: LockOwner): Promise<boolean> {
  if (owner.host !== (await hostId())) return false
  if (!isRunning(owner.pid)) return true
  const start = await startOf(owner.pid)
  return owner.start !== '' && start !== undefined && start !== owner.start
}

export function parseOwner(text: string): LockOwner | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, host, start, token } = value as Readonly<Record<string, unknown>> // an object: its fields are checked next
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined
  if (typeof host !== 'string' || typeof start !== 'string' || typeof token !== 'string') return undefined
  return /^[\w-]+$/.test(token) ? { pid, host, start, token } : undefined
}

/** Signal 0 asks whether a process exists. Lack of permission means that it does. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** @see proc(5): field 22 of /proc/[pid]/stat is the start time in ticks since boot. The command's name may hold blanks. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    const [boot, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ])
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return ticks === undefined ? undefined : `${boot.trim()}/${ticks}`
  } catch {
    return undefined
  }
}

async function hostId(): Promise<string> {
  if (process.platform !== 'linux') return hostname()
  try {
    return `${hostname()}/${await readlink('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}
