import type { SyncResult } from '@icebridge/sync'
import type { CommandContext } from '../command-context.ts'
import { Composition, type ConfiguredTable } from '../compose.ts'
import { loadConfig } from '../config/load.ts'
import { exitCodes } from '../exit-codes.ts'
import { printFailure, printResult } from '../output.ts'

export interface RunOptions {
  readonly config: string
  readonly leg?: 'extract' | 'apply'
}

/** Runs both legs, or one, for each table. A table that fails does not keep the others from running. */
export async function run(context: CommandContext, wanted: readonly string[], options: RunOptions): Promise<number> {
  const config = loadConfig(options.config, context.env)
  await using composition = new Composition(config, context.signal)
  const tables = await composition.tables(wanted, { targets: options.leg !== 'extract' })
  let failed = 0
  // Tables that share a source table run one after the other: they would race for its journal.
  const queues = Map.groupBy(tables, (table) => JSON.stringify([table.source, table.sync.table]))
  const waiting = [...queues.values()]
  const worker = async (): Promise<void> => {
    for (let queue = waiting.shift(); queue !== undefined; queue = waiting.shift()) {
      for (const table of queue) if (!(await runTable(context, table, options))) failed += 1
    }
  }
  const workers = Array.from({ length: Math.min(config.parallel, waiting.length) }, worker)
  // After an interruption every worker winds down before connections are closed under it.
  for (const worked of await Promise.allSettled(workers)) if (worked.status === 'rejected') throw worked.reason
  return failed === 0 ? exitCodes.ok : exitCodes.failed
}

async function runTable(context: CommandContext, table: ConfiguredTable, options: RunOptions): Promise<boolean> {
  try {
    const legs = options.leg === undefined ? undefined : [options.leg]
    const coordinator = await table.coordinator()
    const result = await coordinator.sync(table.sync, {
      signal: context.signal,
      ...(legs === undefined ? {} : { legs }),
    })
    printResult(context.output, 'run', { label: table.label, ...result }, describe(table.label, result))
    return true
  } catch (error) {
    context.signal.throwIfAborted()
    printFailure(context.output, { label: table.label }, error)
    return false
  }
}

function describe(label: string, { extract, apply, durationMs }: SyncResult): string {
  const parts: string[] = []
  if (extract?.status === 'committed') {
    const { load } = extract
    const chunks = load === undefined || load.chunks + load.resumedAfter <= 1 ? '' : ` in ${load.chunks} chunks`
    const resumed =
      load === undefined || load.resumedAfter === 0 ? '' : ` after the ${load.resumedAfter} of an earlier run`
    parts.push(`${extract.mode} ${extract.rows} rows${chunks}${resumed} → snapshot ${extract.snapshotId}`)
    for (const [column, values] of Object.entries(extract.losses ?? {})) {
      parts.push(`${values} texts of ${column} have U+FFFD in place of half a surrogate pair`)
    }
  }
  if (extract?.status === 'unchanged') parts.push('source unchanged')
  if (apply?.status === 'applied') {
    const counts = `inserted ${apply.inserted}, updated ${apply.updated}, deleted ${apply.deleted}, unchanged ${apply.unchanged}`
    const { firstLoad } = apply
    const way =
      firstLoad === undefined
        ? ''
        : firstLoad.way === 'straight'
          ? ', straight'
          : `, staged because ${firstLoad.message}`
    const lost = Object.entries(apply.losses).map(([column, values]) => `, ${values} values of ${column} narrowed`)
    parts.push(`${apply.createdTarget ? 'target created, ' : ''}${counts}${way}${lost.join('')}`)
  }
  if (apply?.status === 'unchanged') parts.push('target up to date')
  return `${label}: ${parts.join('; ')} (${(durationMs / 1000).toFixed(1)} s)`
}
