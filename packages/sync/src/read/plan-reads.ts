import { rangeKeyOf } from '@icebridge/sqlserver'
import type { SyncProblem } from '../errors.ts'
import { chooseIsolation, type Isolation, type ReadSource } from './isolation.ts'
import { loadProblems, loadSettings, type LoadOptions, type LoadSettings } from './load-options.ts'

/** How a table will be read: what its options come to, what stands against them, and the first load in words. */
export function planReads(
  options: LoadOptions | undefined,
  source: ReadSource,
): {
  readonly settings: LoadSettings
  readonly isolation: Isolation
  readonly problems: readonly Omit<SyncProblem, 'table'>[]
  readonly note: string
} {
  const settings = loadSettings(options)
  const { isolation, problem } = chooseIsolation(settings.isolation, source)
  return {
    settings,
    isolation,
    problems: [...loadProblems(settings), ...(problem === undefined ? [] : [problem])],
    note: `first load: ${loadInWords(settings, source)}, under ${isolation === 'snapshot' ? 'snapshot isolation' : 'read committed'}`,
  }
}

function loadInWords(settings: LoadSettings, { table }: ReadSource): string {
  const { chunkRows, connections } = settings
  const oneStream = 'one stream and one commit, which a crash starts again'
  if (chunkRows === 0) return `${oneStream}, as load.chunkRows is 0`
  const { key, reason } = rangeKeyOf(table)
  if (key === undefined) return `${oneStream}: the table ${reason}`
  const looked = key.clustered ? '' : ' (not clustered: the rows of a chunk are looked up one by one)'
  return `chunks of up to ${chunkRows} rows along ${key.name}${looked}, ${connections} at a time`
}
