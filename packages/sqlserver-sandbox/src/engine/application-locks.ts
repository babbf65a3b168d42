import { notImplemented, sqlError } from './errors.ts'
import type { LockMode } from './locks.ts'
import type { SessionState } from './state.ts'

const modes: Readonly<Record<string, LockMode>> = { shared: 'shared', update: 'update', exclusive: 'exclusive' }

/** @see https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql */
export async function applicationLock(
  state: SessionState,
  request: { resource: string; mode: string; owner: string; timeoutMs: number },
): Promise<number> {
  const mode = modes[request.mode.toLowerCase()]
  const owner = request.owner.toLowerCase()
  if (/^intent/i.test(request.mode)) throw notImplemented(`sp_getapplock with the mode ${request.mode}`)
  if (mode === undefined || (owner !== 'session' && owner !== 'transaction')) return -999
  if (owner === 'transaction' && state.tranCount === 0) {
    throw sqlError(15592, 'The statement or function must be executed in the context of a user transaction.')
  }
  const { signal } = state
  const outcome = await state.engine.locks.acquire(
    owner === 'session' ? state.sessionOwner : state,
    name(state, request.resource),
    mode,
    {
      timeoutMs: request.timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    },
  )
  switch (outcome) {
    case 'granted':
      return 0
    case 'granted after waiting':
      return 1
    case 'timeout':
      return -1
    case 'aborted':
      return -2
    case 'deadlock':
      return -3
    default:
      return outcome satisfies never
  }
}

export function releaseApplicationLock(state: SessionState, request: { resource: string; owner: string }): number {
  const owner = request.owner.toLowerCase() === 'session' ? state.sessionOwner : state
  if (!state.engine.locks.release(owner, name(state, request.resource))) {
    throw sqlError(
      1223,
      `Cannot release the application lock (Database Principal: 'public', Resource: '${request.resource}') because it is not currently held.`,
    )
  }
  return 0
}

function name(state: SessionState, resource: string): string {
  return `app ${state.database.id} ${resource}`
}
