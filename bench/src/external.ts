import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Figure } from './figure.ts'
import { ratios } from './measure.ts'
import type { Shape } from './shapes.ts'

const tools = { Sling: 'ICEBRIDGE_BENCH_SLING', dlt: 'ICEBRIDGE_BENCH_DLT' } as const

export interface ExternalPlace {
  readonly source: string
  readonly target: string
  /** A new folder. */
  folder(): string
}

/**
 * Other tools on the same source and shape, where their commands are given, beside the extract leg: both as whole processes, from start
 * to exit. A command is run by the shell and finds the source in `ICEBRIDGE_BENCH_SOURCE` (a connection string), the table in
 * `ICEBRIDGE_BENCH_TABLE` and an empty folder in `ICEBRIDGE_BENCH_OUT`.
 */
export async function* externalTools(
  shape: Shape,
  place: ExternalPlace,
  say: (text: string) => void,
): AsyncGenerator<Figure> {
  for (const [tool, variable] of Object.entries(tools)) {
    const command = process.env[variable]
    if (command === undefined || command === '') {
      say(`${tool} is not measured: ${variable} has no command`)
      continue
    }
    const theirs = await timed(command, {
      ICEBRIDGE_BENCH_SOURCE: place.source,
      ICEBRIDGE_BENCH_TABLE: 'dbo.rows',
      ICEBRIDGE_BENCH_OUT: place.folder(),
    })
    const leg = fileURLToPath(new URL('sql-leg.ts', import.meta.url))
    const own = await timed(`exec "$NODE" "$LEG" extract ${shape.name} "$SOURCE" "$TARGET" "$OUT"`, {
      NODE: process.execPath,
      LEG: leg,
      SOURCE: place.source,
      TARGET: place.target,
      OUT: place.folder(),
    })
    for (const [name, { seconds, cpuSeconds }] of [
      [tool, theirs],
      ['extract', own],
    ] as const) {
      say(`${shape.name} ${name}, whole process: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of processor`)
    }
    yield {
      bench: `extract ${shape.name}, to ${tool}`,
      value: Math.round(shape.rows / own.seconds),
      unit: 'rows/s',
      ...ratios(own, theirs),
      aim: 'above 1 by processor time; whole processes',
      peakMb: null,
    }
  }
}

/** Runs a command of the shell and gives the time that it took, its own processes and theirs. */
async function timed(
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly seconds: number; readonly cpuSeconds: number }> {
  const before = performance.now()
  // The second line of `times` has the children's user and system time.
  const child = spawn('sh', ['-c', `(${command}) >&2 || exit; times`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the command ${command} ended with exit code ${String(code)}`)
  const children = [...text.matchAll(/(\d+)m([\d.]+)s/g)].slice(2)
  if (children.length !== 2) throw new Error(`the shell gave other times than expected: ${text}`)
  const cpuSeconds = children.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0)
  return { seconds: (performance.now() - before) / 1000, cpuSeconds }
}
