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

/**
 * 1,000,000 rows of (long, int, double, decimal(18,2), timestamp, date, short string, status string) from batches in memory
 * to a committed snapshot; DuckDB's ingest of the same batches and COPY to Parquet; PyIceberg's append of them. The median of
 * three, each in a process of its own. `ICEBRIDGE_BENCH_ROWS` gives another size.
 */
export async function* appendBench(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  const rows = Number((process.env['ICEBRIDGE_BENCH_ROWS'] ?? '1000000').split(',')[0])
  const folder = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
  try {
    const median = async (name: string, run: (place: string) => Promise<Measured>): Promise<Measured> => {
      const all: Measured[] = []
      for (let round = 0; round < 3; round++) {
        const place = mkdtempSync(join(folder, 'round-'))
        const measured = await run(place)
        if (measured.rows !== rows) throw new Error(`${name} had ${measured.rows} rows instead of ${rows}`)
        all.push(measured)
        rmSync(place, { recursive: true, force: true })
      }
      const [, middle] = all.toSorted((a, b) => a.seconds - b.seconds)
      if (middle === undefined) throw new Error('nothing was measured')
      options.say(`${name}: ${middle.seconds.toFixed(2)} s, ${middle.peakMb} MB`)
      return middle
    }
    const leg = (name: string): Promise<Measured> =>
      median(name, (place) => runChild<Measured>('./append-leg.ts', [name, String(rows), place]))
    const duckdb = await leg('duckdb')
    const ours = await leg('ours')
    const ratio = (peer: Measured): number => Math.round((peer.seconds / ours.seconds) * 100) / 100
    const name = `iceberg append ${rows} rows`
    yield {
      bench: `${name}, to DuckDB's ingest and COPY`,
      value: Math.round(rows / ours.seconds),
      unit: 'rows/s',
      ratio: ratio(duckdb),
      aim: `ratio 1, below DuckDB's ${duckdb.peakMb} MB`,
      peakMb: ours.peakMb,
    }
    const arrowFile = join(folder, 'wide.arrow')
    await runChild('./append-leg.ts', ['arrow', String(rows), arrowFile])
    const peer = await median('pyiceberg', (place) => runPython<Measured>('append.py', [arrowFile, place]))
    yield {
      bench: `${name}, to PyIceberg's append`,
      value: Math.round(rows / ours.seconds),
      unit: 'rows/s',
      ratio: ratio(peer),
      aim: `none; PyIceberg took ${peer.peakMb} MB`,
      peakMb: ours.peakMb,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
