import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a run of the command printed, and how it ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Each line of stdout, parsed. */
  readonly json: readonly Readonly<Record<string, unknown>>[]
}

const bin = fileURLToPath(new URL('../bin/icebridge.js', import.meta.url))

/** Runs the command in a process of its own, as a shell would. */
export async function icebridge(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly cwd?: string
    /** Sends SIGINT once this settles. */
    readonly interruptWhen?: () => Promise<unknown>
    /** Stops reading stdout after its first piece, as `head` does. */
    readonly closeStdout?: boolean
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  if (options.closeStdout === true) child.stdout.once('data', () => child.stdout.destroy())
  const ended = new Promise<Omit<Ended, 'json'>>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  if (options.interruptWhen !== undefined) {
    await options.interruptWhen()
    child.kill('SIGINT')
  }
  const result = await ended
  return {
    ...result,
    get json() {
      return result.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
    },
  }
}
