import type { CommandContext } from '../command-context.ts'
import { Composition } from '../compose.ts'
import { loadConfig } from '../config/load.ts'
import { exitCodes } from '../exit-codes.ts'
import { printFailure, printResult } from '../output.ts'
import type { ConfiguredOptions } from './status.ts'

/** Compares source and target of each table that has a target, value by value. Exit code 1 when one differs. */
export async function verify(
  context: CommandContext,
  wanted: readonly string[],
  options: ConfiguredOptions,
): Promise<number> {
  await using composition = new Composition(loadConfig(options.config, context.env), context.signal)
  const tables = await composition.tables(wanted, { targets: true })
  let failed = 0
  for (const { label, sync, coordinator, targetName } of tables) {
    if (targetName === undefined) {
      context.output.err(`${label}: has no target, nothing to compare\n`)
      continue
    }
    try {
      const result = await (await coordinator()).verify(sync, { signal: context.signal })
      const skipped = result.skipped.map(({ column, reason }) => `; ${column} left out: ${reason}`).join('')
      const replaced = Object.entries(result.replaced ?? {})
        .map(([column, values]) => `; ${values} texts of ${column} compared with half surrogate pairs replaced`)
        .join('')
      const counts =
        result.status === 'equal'
          ? `${result.sourceRows} rows × ${result.columns.length} columns`
          : `missing ${result.missing}, extra ${result.extra}, different ${result.different}`
      printResult(
        context.output,
        'verify',
        { label, ...result },
        `${label}: ${result.status}, ${counts}${replaced}${skipped}`,
      )
      if (result.status !== 'equal') failed += 1
    } catch (error) {
      context.signal.throwIfAborted()
      printFailure(context.output, { label }, error)
      failed += 1
    }
  }
  return failed === 0 ? exitCodes.ok : exitCodes.failed
}
