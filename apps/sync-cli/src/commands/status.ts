import type { CommandContext } from '../command-context.ts'
import { Composition } from '../compose.ts'
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
  for (const table of await composition.tables(wanted, { targets: true })) {
    try {
      const found = await table.coordinator.status(table.sync, { signal: context.signal })
      if (context.output.json) printResult(context.output, 'status', { label: table.label, ...found }, '')
      rows.push([
        table.label,
        found.journal?.watermark ?? 'never run',
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
