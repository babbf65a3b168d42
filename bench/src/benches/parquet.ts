import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from '../child.ts'
import type { Figure } from '../figure.ts'
import { type Measured, median, ratios } from '../measure.ts'
import { parquetTypes } from '../parquet-types.ts'

/**
 * Parquet files of one column each, by type: written from batches in memory, and read to batches, beside DuckDB, which writes the same
 * values from a table in memory and reads the file that we wrote. Measured in turn, each in a process of its own that did the same once
 * before, both zstd. MB are those of the rows in memory. `ICEBRIDGE_BENCH_ROWS` gives another size.
 */
export async function* parquet(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  const rows = Number((process.env['ICEBRIDGE_BENCH_ROWS'] ?? '1000000').split(',')[0])
  const rounds = Number(process.env['ICEBRIDGE_BENCH_ROUNDS'] ?? '3')
  const folder = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
  try {
    for (const type of Object.keys(parquetTypes)) {
      const count = type === 'long string' ? Math.max(1, Math.round(rows / 10)) : rows
      const child = <T>(action: string, who: string, path: string): Promise<T> =>
        runChild<T>('./parquet-leg.ts', [action, who, type, String(count), path])
      const sizes = await child<{ readonly bytes: number; readonly rows: number }>('size', 'ours', '')
      for (const action of ['write', 'read']) {
        const of: Measured[] = []
        const to: Measured[] = []
        for (let round = 0; round < rounds; round++) {
          for (const [who, all] of [
            ['ours', of],
            ['duckdb', to],
          ] as const) {
            const path = join(folder, `${action === 'read' ? 'ours' : who}.parquet`)
            const measured = await child<Measured>(action, who, path)
            if (measured.rows !== sizes.rows) throw new Error(`${who} had ${measured.rows} rows, not ${sizes.rows}`)
            all.push(measured)
          }
        }
        const own = median(of)
        const files = `${size(folder, 'ours')} MB, DuckDB ${size(folder, 'duckdb')} MB`
        options.say(
          `${action} ${type}: ${own.seconds.toFixed(2)} s, DuckDB ${median(to).seconds.toFixed(2)} s, file ${files}`,
        )
        yield {
          bench: `parquet ${action} ${type}, ${count} rows, to DuckDB`,
          value: Math.round(sizes.bytes / 1e6 / own.seconds),
          unit: 'MB/s',
          ...ratios(own, median(to)),
          aim: action === 'write' ? `none; the file has ${files}` : 'none; nobody looks into the chunks of DuckDB',
          peakMb: Math.max(...of.map(({ peakMb }) => peakMb)),
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function size(folder: string, who: string): string {
  return (statSync(join(folder, `${who}.parquet`)).size / 1e6).toFixed(1)
}
