import { once } from 'node:events'
import { CommanderError } from 'commander'
import type { CommandContext } from './command-context.ts'
import { commandLine } from './command-line.ts'
import { ConfigError } from './config/problems.ts'
import { exitCodes } from './exit-codes.ts'
import { printFailure, printResult } from './output.ts'
import { UsageError } from './usage-error.ts'

/** Runs the command line and gives the exit code. Prints results on stdout and diagnostics on stderr. */
export async function main(args: readonly string[]): Promise<number> {
  const abort = new AbortController()
  const interrupt = (): void => abort.abort(new Error('interrupted'))
  // Once each: a second signal ends the process at once.
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  let code: number = exitCodes.ok
  const program = commandLine(async (options, action) => {
    code = await guarded(commandContext(options.json === true, abort.signal), action)
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

/** Whoever reads our output has closed it (`| head`). */
class ReaderGone extends Error {}

function commandContext(json: boolean, signal: AbortSignal): CommandContext {
  const { stdout, stderr } = process
  let gone = false
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A run goes on without its reader; output of any length ends at its next write.
    if (error.code !== 'EPIPE') throw error
    gone = true
  })
  return {
    output: {
      json,
      out: (text) => void (gone || stdout.write(text)),
      err: (text) => void stderr.write(text),
      write: async (text) => {
        const taken = stdout.write(text)
        if (!taken) await once(stdout, 'drain', { signal }).catch((error: unknown) => rethrow(error, () => gone))
        if (gone) throw new ReaderGone()
      },
    },
    env: process.env,
    signal,
  }
}

function rethrow(error: unknown, isExpected: () => boolean): void {
  if (!isExpected()) throw error
}

async function guarded(context: CommandContext, action: (context: CommandContext) => Promise<number>): Promise<number> {
  const { output, signal } = context
  try {
    return await action(context)
  } catch (error) {
    if (error instanceof ReaderGone) return exitCodes.ok
    if (signal.aborted) {
      output.err('interrupted\n')
      return exitCodes.interrupted
    }
    if (error instanceof ConfigError || error instanceof UsageError) {
      if (output.json) printResult(output, 'error', usageFailure(error), '')
      output.err(`${error.message}\n`)
      return exitCodes.usage
    }
    printFailure(output, {}, error)
    return exitCodes.failed
  }
}

function usageFailure(error: ConfigError | UsageError): object {
  const { message } = error
  return error instanceof ConfigError
    ? { code: 'configuration', message, retryable: false, file: error.file, problems: error.problems }
    : { code: 'usage', message, retryable: false }
}
