import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Figure } from './figure.ts'
import type { Shape } from './shapes.ts'

const tools = { Sling: 'ICEBRIDGE_BENCH_SLING', dlt: 'ICEBRIDGE_BENCH_DLT' } as const

/**
 * Other tools on the same source and shape, where their commands are given. A command is run by the shell and finds the source in
 * `ICEBRIDGE_BENCH_SOURCE` (a connection string), the table in `ICEBRIDGE_BENCH_TABLE` and an empty folder in `ICEBRIDGE_BENCH_OUT`.
 */
export async function* externalTools(
  shape: Shape,
  place: { readonly source: string; readonly folder: string },
  say: (text: string) => void,
): AsyncGenerator<Figure> {
  for (const [tool, variable] of Object.entries(tools)) {
    const command = process.env[variable]
    if (command === undefined || command === '') {
      say(`${tool} is not measured: ${variable} has no command`)
      continue
    }
    const before = performance.now()
    const child = spawn(command, {
      shell: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        ICEBRIDGE_BENCH_SOURCE: place.source,
        ICEBRIDGE_BENCH_TABLE: 'dbo.rows',
        ICEBRIDGE_BENCH_OUT: place.folder,
      },
    })
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`the command of ${variable} ended with exit code ${String(code)}`)
    yield {
      bench: `extract ${shape.name}, ${tool}`,
      value: Math.round(shape.rows / ((performance.now() - before) / 1000)),
      unit: 'rows/s',
      ratio: null,
      aim: 'none; start of the tool included',
      peakMb: null,
    }
  }
}
