import type { CommandContext } from '../command-context.ts'
import { Composition } from '../compose.ts'
import { loadConfig } from '../config/load.ts'
import { exitCodes } from '../exit-codes.ts'
import { printFailure, printResult, textTable } from '../output.ts'
import type { ConfiguredOptions } from './status.ts'

/** Shows each column's verdict and every problem that would stop a run; changes nothing. Exit code 1 when a table has problems. */
export async function plan(
  context: CommandContext,
  wanted: readonly string[],
  options: ConfiguredOptions,
): Promise<number> {
  await using composition = new Composition(loadConfig(options.config, context.env), context.signal)
  let failed = 0
  for (const { label, sync, coordinator } of await composition.tables(wanted, { targets: true })) {
    try {
      const found = await (await coordinator()).plan(sync, { signal: context.signal })
      const columns = textTable([
        ['  column', 'SQL Server', 'Iceberg', 'verdict'],
        ...found.columns.map((c) => [`  ${c.name}`, c.sqlType, c.icebergType, c.verdict]),
      ])
      const notes = [
        ...found.problems.map((p) => `  ✗ ${p.message}\n    → ${p.hint}`),
        ...found.notes.map((n) => `  · ${n}`),
      ]
      printResult(
        context.output,
        'plan',
        { label, ...found },
        [`${label} (${found.strategy ?? 'no strategy'})`, columns, ...notes].join('\n'),
      )
      if (found.problems.length > 0) failed += 1
    } catch (error) {
      context.signal.throwIfAborted()
      printFailure(context.output, { label }, error)
      failed += 1
    }
  }
  return failed === 0 ? exitCodes.ok : exitCodes.failed
}
