import type { TableStatus } from '@icebridge/sync'
import type { CommandContext } from '../command-context.ts'
import { Composition, type ConfiguredTable } from '../compose.ts'
import { loadConfig } from '../config/load.ts'
import { exitCodes } from '../exit-codes.ts'
import { printFailure, printResult, textTable } from '../output.ts'

export interface ConfiguredOptions {
  readonly config: string
}

/** Shows where each table stands: its watermark, its journal, and how far its target is behind. */
export async function status(
  context: CommandContext,
  wanted: readonly string[],
  options: ConfiguredOptions,
): Promise<number> {
  await using composition = new Composition(loadConfig(options.config, context.env), context.signal)
  const rows: string[][] = [['table', 'watermark', 'snapshot', 'committed', 'behind']]
  let failed = 0
  for (const table of await composition.tables(wanted, { targets: true, offline: true })) {
    try {
      const found = await statusOf(table, context.signal)
      if (context.output.json) printResult(context.output, 'status', { label: table.label, ...found }, '')
      rows.push([
        table.label,
        found.journal?.watermark ?? beforeWatermark(found.journal?.loading),
        found.journal?.snapshotId?.toString() ?? '',
        found.journal?.committedAtMs === undefined ? '' : new Date(found.journal.committedAtMs).toISOString(),
        found.target === undefined ? 'no target' : `${found.target.behind}`,
      ])
    } catch (error) {
      context.signal.throwIfAborted()
      printFailure(context.output, { label: table.label }, error)
      failed += 1
    }
  }
  if (!context.output.json) context.output.out(`${textTable(rows)}\n`)
  return failed === 0 ? exitCodes.ok : exitCodes.failed
}

function beforeWatermark(loading: { readonly chunks: number } | undefined): string {
  return loading === undefined ? 'never run' : `loading, chunk ${loading.chunks} done`
}

/** A table without a target has all of its state in the lake, so that no server is asked. */
async function statusOf(table: ConfiguredTable, signal: AbortSignal): Promise<TableStatus> {
  if (table.targetName !== undefined) return await (await table.coordinator()).status(table.sync, { signal })
  const journal = await table.journal()
  if (journal === undefined) return { table: table.sync.table, journal: undefined, target: undefined }
  const { strategy, watermark, snapshotId, sequence, lastCommitAtMs, firstLoad } = await journal.head({ signal })
  const loading = firstLoad?.complete === false ? { chunks: firstLoad.chunk } : undefined
  return {
    table: table.sync.table,
    journal: { name: journal.label, strategy, watermark, snapshotId, sequence, committedAtMs: lastCommitAtMs, loading },
    target: undefined,
  }
}
