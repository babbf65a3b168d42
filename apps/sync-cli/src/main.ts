import { once } from 'node:events'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import type { CommandContext } from './command-context.ts'
import { inspect } from './commands/inspect.ts'
import { plan } from './commands/plan.ts'
import { run } from './commands/run.ts'
import { scan } from './commands/scan.ts'
import { status } from './commands/status.ts'
import { verify } from './commands/verify.ts'
import { ConfigError } from './config/problems.ts'
import { exitCodes } from './exit-codes.ts'
import { printFailure } from './output.ts'
import { UsageError } from './usage-error.ts'
import { version } from './version.ts'

/** Runs the command line and gives the exit code. Prints results on stdout and diagnostics on stderr. */
export async function main(args: readonly string[]): Promise<number> {
  const abort = new AbortController()
  const interrupt = (): void => abort.abort(new Error('interrupted'))
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  // A reader that closes the pipe early (head) ends the command, quietly.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok)
    throw error
  })
  const context = (options: { readonly json?: boolean }): CommandContext => ({
    output: {
      json: options.json === true,
      out: (text) => void process.stdout.write(text),
      err: (text) => void process.stderr.write(text),
      write: async (text) => {
        if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal: abort.signal })
      },
    },
    env: process.env,
    signal: abort.signal,
  })
  let code: number = exitCodes.ok
  const program = commandLine(async (options, action) => {
    code = await guarded(context(options), action)
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    code = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  } finally {
    process.removeListener('SIGINT', interrupt)
    process.removeListener('SIGTERM', interrupt)
  }
  return code
}

type Act = (options: { readonly json?: boolean }, action: (context: CommandContext) => Promise<number>) => Promise<void>

function commandLine(act: Act): Command {
  const program = new Command('icebridge')
    .description('Keeps SQL Server databases in step through Apache Iceberg.')
    .version(version)
    .exitOverride()
    .showHelpAfterError()
  const withConfig = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .requiredOption('-c, --config <file>', 'configuration file (YAML)')
      .option('--json', 'print one JSON object a line')
  withConfig('run', 'extract changes into the lake and apply them to the targets')
    .argument('[tables...]', 'tables or patterns, by default all that are configured')
    .option('--leg <leg>', 'extract or apply alone', oneOf('extract', 'apply'))
    .action((tables: string[], options) => act(options, (context) => run(context, tables, options)))
  withConfig('plan', 'show what a run would do with each column; changes nothing')
    .argument('[tables...]')
    .action((tables: string[], options) => act(options, (context) => plan(context, tables, options)))
  withConfig('verify', 'compare source and target value by value')
    .argument('[tables...]')
    .action((tables: string[], options) => act(options, (context) => verify(context, tables, options)))
  withConfig('status', 'show where each table stands')
    .argument('[tables...]')
    .action((tables: string[], options) => act(options, (context) => status(context, tables, options)))
  withConfig('inspect', "show a table's journal: schema, snapshots, watermark, files")
    .argument('<table>')
    .action((table: string, options) => act(options, (context) => inspect(context, table, options)))
  program
    .command('scan')
    .description('print the rows of any Iceberg table as NDJSON, exactly')
    .argument('<location>', 'a metadata file, a table folder, or with --catalog a table name')
    .option('--catalog <file>', 'SQLite file of a SQL catalog that the name is looked up in')
    .option('--catalog-name <name>', "the catalog's name in that file, by default the only one there")
    .option('--snapshot-id <id>', 'read this snapshot', bigintArgument)
    .option('--as-of <time>', 'read the table as it was at this time (ISO 8601)', timeArgument)
    .option('--columns <names>', 'comma-separated columns', (text: string) =>
      text.split(',').map((name) => name.trim()),
    )
    .option('--limit <rows>', 'stop after so many rows', countArgument)
    .option('--map-prefix <from=to>', 'read files that have moved; may be repeated', mapPrefix, [])
    .action((location: string, options) => act({}, (context) => scan(context, location, options)))
  return program
}

async function guarded(context: CommandContext, action: (context: CommandContext) => Promise<number>): Promise<number> {
  try {
    return await action(context)
  } catch (error) {
    if (context.signal.aborted) {
      context.output.err('interrupted\n')
      return exitCodes.interrupted
    }
    if (error instanceof ConfigError || error instanceof UsageError) {
      context.output.err(`${error.message}\n`)
      return exitCodes.usage
    }
    printFailure(context.output, {}, error)
    return exitCodes.failed
  }
}

function oneOf(...values: readonly string[]): (text: string) => string {
  return (text) => {
    if (!values.includes(text)) throw new InvalidArgumentError(`Expected ${values.join(' or ')}.`)
    return text
  }
}

function bigintArgument(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('A snapshot id is an integer.')
  return BigInt(text)
}

function countArgument(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Expected a number of rows.')
  return value
}

function timeArgument(text: string): number {
  // A time without a zone would mean something else on every machine.
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) || Number.isNaN(Date.parse(text))) {
    throw new InvalidArgumentError('Expected a date, or a time with its zone: 2026-01-31T12:00:00Z.')
  }
  return Date.parse(text)
}

function mapPrefix(text: string, all: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected FROM=TO.')
  return [...all, [text.slice(0, at), text.slice(at + 1)]]
}
