import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { runChild, startSandboxProcess } from '../child.ts'
import type { Figure } from '../figure.ts'
import { fill } from '../orders.ts'

interface Measured {
  readonly rows: number
  readonly seconds: number
  readonly peakMb: number
}

/**
 * Both legs over 1,000,000 and 3,000,000 rows of (int, bigint, nvarchar(20), decimal(18,2), datetime2(7), bit) against the
 * sandbox, server and client in processes of their own. `ICEBRIDGE_BENCH_ROWS` gives other sizes.
 */
export async function* loop(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  const sizes = (process.env['ICEBRIDGE_BENCH_ROWS'] ?? '1000000,3000000').split(',').map(Number)
  for (const rows of sizes) {
    const folder = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
    try {
      await using sandbox = await startSandboxProcess(['source', 'target'])
      const [source, target] = [sandbox.connectionString('source'), sandbox.connectionString('target')]
      {
        await using server = await SqlServer.connect(parseConnectionString(source))
        options.say(`filling ${rows} rows`)
        await fill(server, rows)
      }
      const leg = async (name: string): Promise<Measured> => {
        const measured = await runChild<Measured>('./loop-leg.ts', [name, source, target, folder])
        if (measured.rows !== rows) throw new Error(`${name} had ${measured.rows} rows instead of ${rows}`)
        return measured
      }
      const bare = await leg('bare')
      const plain = await leg('bare-plain')
      const extract = await leg('extract')
      const apply = await leg('apply')
      const rate = ({ seconds }: Measured): number => Math.round(rows / seconds)
      const ratio = (of: Measured, to: Measured): number => Math.round((to.seconds / of.seconds) * 100) / 100
      const name = `loop ${rows}`
      yield figure(`${name} bare stream, the extract query`, bare, rate(bare), null, '')
      yield figure(`${name} bare stream, plain columns`, plain, rate(plain), null, '')
      yield figure(
        `${name} extract`,
        extract,
        rate(extract),
        ratio(extract, bare),
        'ratio 0.6 to the bare stream of the same query, below 350 MB',
      )
      yield figure(
        `${name} extract, to plain columns`,
        extract,
        rate(extract),
        ratio(extract, plain),
        'none; the price of exact values',
      )
      yield figure(`${name} apply`, apply, rate(apply), null, 'below 350 MB')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function figure(bench: string, measured: Measured, value: number, ratio: number | null, aim: string): Figure {
  return { bench, value, unit: 'rows/s', ratio, aim, peakMb: measured.peakMb }
}
