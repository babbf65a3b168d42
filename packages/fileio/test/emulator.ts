import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A store that runs beside the test, or why there is none. */
export type Emulator = { readonly missing: string } | RunningEmulator

export interface RunningEmulator {
  /** Where it answers, without a slash at the end. */
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

export interface EmulatorProgram {
  /** The environment variable that names the program. */
  readonly variable: string
  /** What it is, for the reason of a skipped test. */
  readonly what: string
  /** The command line, given the program, a free port and an empty folder. */
  readonly command: (program: string, port: number, folder: string) => readonly [string, ...string[]]
}

/** Starts an emulator and waits until it answers. Throws where a missing one is an error (`ICEBRIDGE_REQUIRE_INTEROP`). */
export async function startEmulator({ variable, what, command }: EmulatorProgram): Promise<Emulator> {
  const program = process.env[variable]
  if (program === undefined || program === '') {
    const missing = `${variable} is not set: it names ${what}`
    if (process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(missing)
    console.warn(`tests are skipped: ${missing}`)
    return { missing }
  }
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-emulator-'))
  const port = await freePort()
  const [file, ...args] = command(program, port, folder)
  let output = ''
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const url = `http://127.0.0.1:${port}`
  await answers(url, child, () => output)
  return {
    url,
    port,
    stop: async () => {
      const ended = child.exitCode !== null || once(child, 'close')
      child.kill()
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

async function answers(url: string, child: ChildProcess, output: () => string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`the emulator ended with code ${child.exitCode}: ${output()}`)
    try {
      await fetch(url)
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  throw new Error(`the emulator does not answer at ${url}: ${output()}`)
}
