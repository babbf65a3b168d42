import { link, rm, unlink } from 'node:fs/promises'
import { isOwnerGone, parseOwner, type LockOwner } from './lock-owner.ts'
import { readText, renameOver, writeNew } from './durable-file.ts'
import { systemCode } from './errors.ts'

/** A lock that is held until `release`. */
export interface HeldLock {
  release(): Promise<void>
}

export type LockAttempt = { readonly held: HeldLock } | { readonly owner: LockOwner | undefined }

/**
 * Takes the lock file if it is free or if its owner is a dead process; otherwise says who has it. Never waits.
 *
 * The file appears whole, by a hard link from a file that already has the owner's name in it. Taking over is itself guarded by
 * a lock, named after the dead owner's token: only the process that holds that one may replace the file, and only while the
 * file still carries the token. Tokens are never used twice, so a process that looked long ago cannot remove a newer lock.
 */
export async function tryLock(path: string, owner: LockOwner): Promise<LockAttempt> {
  const own = `${path}.tmp-${owner.token}`
  try {
    await writeNew(own, JSON.stringify(owner) + '\n')
    if (await place(own, path)) return { held: hold(path, owner) }
    const current = await readOwner(path)
    if (current === undefined || !(await isOwnerGone(current))) return { owner: current }
    const claim = await tryLock(`${path}.${current.token}`, { ...owner })
    if (!('held' in claim)) return { owner: claim.owner ?? current }
    try {
      const still = await readOwner(path)
      if (still?.token !== current.token) return { owner: still }
      await renameOver(own, path)
      return { held: hold(path, owner) }
    } finally {
      await claim.held.release()
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** Puts `own` at `path` unless something is there. */
async function place(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EOPNOTSUPP'].includes(code ?? '')) throw error
  }
  // No hard links on this file system: the exclusive create decides, and the text follows a moment later.
  try {
    await writeNew(path, (await readText(own)) ?? '')
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

/** The owner written in a lock file; `undefined` when the file is gone or not (yet) readable as one. */
async function readOwner(path: string): Promise<LockOwner | undefined> {
  const text = await readText(path)
  return text === undefined ? undefined : parseOwner(text)
}

function hold(path: string, owner: LockOwner): HeldLock {
  return {
    async release() {
      // Somebody may have removed the file by hand, and another process may have taken the lock since.
      const current = await readOwner(path)
      if (current?.token === owner.token) await unlink(path)
    },
  }
}
