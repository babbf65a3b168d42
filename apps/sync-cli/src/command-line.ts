import { Command } from 'commander'
import { columnNames, mapPrefix, oneOf, rowCount, snapshotId, time } from './arguments.ts'
import type { CommandContext } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { version } from './version.ts'

/** Runs a command that was chosen. */
export type Act = (
  options: { readonly json?: boolean },
  action: (context: CommandContext) => Promise<number>,
) => Promise<void>

const exitCodeHelp = `
Exit codes: ${exitCodes.ok} ok · ${exitCodes.failed} a table failed or differs · ${exitCodes.usage} command line or configuration · ${exitCodes.interrupted} interrupted
Results are written to stdout, diagnostics to stderr.`

const tablesHelp = 'tables or patterns: dbo.orders, erp.dbo.orders, "dbo.*"; all that are configured by default'

/** The command line. Commands are loaded when they run, so that help is quick. */
export function commandLine(act: Act): Command {
  const program = new Command('icebridge')
    .description('Keeps SQL Server databases in step through Apache Iceberg.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('Add --help for the options.')
    .addHelpText('after', exitCodeHelp)
  const configured = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .requiredOption('-c, --config <file>', 'configuration file (YAML)')
      .option('--json', 'print one JSON object a line')
      .addHelpText('after', exitCodeHelp)
  configured('run', 'Extract changes into the lake and apply them to the targets.')
    .argument('[tables...]', tablesHelp)
    .option('--leg <leg>', 'run one leg alone: extract or apply', oneOf('extract', 'apply'))
    .action((tables: string[], options) =>
      act(options, async (context) => (await import('./commands/run.ts')).run(context, tables, options)),
    )
  configured('plan', 'Show what a run would do with each column, and all that would stop it. Changes nothing.')
    .argument('[tables...]', tablesHelp)
    .action((tables: string[], options) =>
      act(options, async (context) => (await import('./commands/plan.ts')).plan(context, tables, options)),
    )
  configured('verify', 'Compare source and target value by value.')
    .argument('[tables...]', tablesHelp)
    .action((tables: string[], options) =>
      act(options, async (context) => (await import('./commands/verify.ts')).verify(context, tables, options)),
    )
  configured('status', 'Show where each table stands: its watermark, and how far its target is behind.')
    .argument('[tables...]', tablesHelp)
    .action((tables: string[], options) =>
      act(options, async (context) => (await import('./commands/status.ts')).status(context, tables, options)),
    )
  configured(
    'inspect',
    "Show a table's journal: head, schema, snapshots, files. Needs no server for a name without wildcards.",
  )
    .argument('<table>', 'a configured table: dbo.orders or erp.dbo.orders')
    .action((table: string, options) =>
      act(options, async (context) => (await import('./commands/inspect.ts')).inspect(context, table, options)),
    )
  program
    .command('scan')
    .description('Print the rows of any Iceberg table as NDJSON, exactly.')
    .argument('<location>', 'a metadata file, a table folder, or with --catalog a table name')
    .option('--catalog <file>', 'SQLite file of the SQL catalog that the name is in')
    .option('--catalog-name <name>', "the catalog's name in that file, by default the only one there")
    .option('--snapshot-id <id>', 'read this snapshot', snapshotId)
    .option('--as-of <time>', 'read the table as it was at this time (ISO 8601 with its zone)', time)
    .option('--columns <names>', 'columns to read, apart by commas', columnNames)
    .option('--limit <rows>', 'stop after so many rows', rowCount)
    .option('--map-prefix <from=to>', 'read files that have moved; may be repeated', mapPrefix, [])
    .addHelpText('after', exitCodeHelp)
    .action((location: string, options) =>
      act({}, async (context) => (await import('./commands/scan.ts')).scan(context, location, options)),
    )
  return program
}
