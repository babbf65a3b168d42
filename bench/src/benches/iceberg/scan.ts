import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild, runPython } from '../../child.ts'
import type { Figure } from '../../figure.ts'

interface Measured {
  readonly rows: number
  readonly seconds: number
  readonly peakMb: number
}

const projected = ['id', 'status']

/**
 * A scan of 1,000,000 rows of (long, int, double, decimal(18,2), timestamp, date, short string, status string) to Arrow batches,
 * whole and of two columns; DuckDB reading the same files into JavaScript; PyIceberg's scan to a pyarrow table. The median of
 * three, each in a process of its own. `ICEBRIDGE_BENCH_ROWS` gives another size.
 */
export async function* scanBench(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  const rows = Number((process.env['ICEBRIDGE_BENCH_ROWS'] ?? '1000000').split(',')[0])
  const folder = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
  try {
    await runChild('./scan-leg.ts', ['table', String(rows), folder])
    for (const [what, columns] of [
      ['full scan', []],
      ['scan of 2 columns', projected],
    ] as const) {
      const median = async (name: string, run: () => Promise<Measured>): Promise<Measured> => {
        const all: Measured[] = []
        for (let round = 0; round < 3; round++) all.push(await run())
        const wrong = all.find((measured) => measured.rows !== rows)
        if (wrong !== undefined) throw new Error(`${name} had ${wrong.rows} rows instead of ${rows}`)
        const [, middle] = all.toSorted((a, b) => a.seconds - b.seconds)
        if (middle === undefined) throw new Error('nothing was measured')
        options.say(`${what}, ${name}: ${middle.seconds.toFixed(2)} s, ${middle.peakMb} MB`)
        return middle
      }
      const leg = (name: string): Promise<Measured> =>
        median(name, () => runChild<Measured>('./scan-leg.ts', [name, String(rows), folder, ...columns]))
      const ours = await leg('ours')
      const figure = (peer: Measured, to: string, aim: string): Figure => ({
        bench: `iceberg ${what} of ${rows} rows, to ${to}`,
        value: Math.round(rows / ours.seconds),
        unit: 'rows/s',
        ratio: Math.round((peer.seconds / ours.seconds) * 100) / 100,
        aim,
        peakMb: ours.peakMb,
      })
      const values = await leg('duckdb-values')
      yield figure(values, 'DuckDB read into JavaScript values', `ratio 1; DuckDB took ${values.peakMb} MB`)
      const vectors = await leg('duckdb-vectors')
      yield figure(vectors, 'DuckDB chunks that nobody looks into', `none; DuckDB took ${vectors.peakMb} MB`)
      const pyiceberg = await median('pyiceberg', () => runPython<Measured>('scan.py', [folder, ...columns]))
      yield figure(pyiceberg, 'PyIceberg to a pyarrow table', `none; PyIceberg took ${pyiceberg.peakMb} MB`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
