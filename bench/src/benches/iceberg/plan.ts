import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild, runPython } from '../../child.ts'
import type { Figure } from '../../figure.ts'

interface Planned {
  readonly files: number
  readonly rows: number
  readonly seconds: number
  readonly peakMb: number
}

/**
 * Planning a scan of a table of 100,000 data files, eight columns of metrics each, in 1,000 partitions and 25 manifests that
 * all have files of every partition: with a filter on one partition, and without any. The peer is PyIceberg on the same files,
 * three runs each, taken in turn, the median of each. `ICEBRIDGE_BENCH_PLAN_FILES` gives another number.
 */
export async function* planBench(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  const files = Number(process.env['ICEBRIDGE_BENCH_PLAN_FILES'] ?? '100000')
  const folder = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
  try {
    const { metadata } = await runChild<{ readonly metadata: string }>('./plan-leg.ts', ['make', folder, String(files)])
    for (const [leg, what] of [
      ['one-day', 'of one partition'],
      ['all', 'of every file'],
    ] as const) {
      const ours: Planned[] = []
      const peer: Planned[] = []
      for (let round = 0; round < 3; round++) {
        ours.push(await runChild<Planned>('./plan-leg.ts', [leg, metadata]))
        peer.push(await runPython<Planned>('plan.py', [leg, metadata]))
      }
      for (const run of [...ours, ...peer]) {
        if (run.files === peer[0]?.files && run.rows === peer[0].rows) continue
        throw new Error(`a plan ${what} has ${run.files} files, another ${String(peer[0]?.files)}`)
      }
      const [we, they] = [median(ours), median(peer)]
      options.say(`plan ${what}: ${we.seconds.toFixed(2)} s, ${we.peakMb} MB`)
      options.say(`PyIceberg's: ${they.seconds.toFixed(2)} s, ${they.peakMb} MB`)
      yield {
        bench: `iceberg plan ${what} over ${files} data files, to PyIceberg's`,
        value: Math.round(we.seconds * 1000),
        unit: 'ms',
        ratio: Math.round((they.seconds / we.seconds) * 100) / 100,
        aim: `faster, below PyIceberg's ${they.peakMb} MB`,
        peakMb: we.peakMb,
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function median(runs: readonly Planned[]): Planned {
  const middle = runs.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(runs.length / 2)]
  if (middle === undefined) throw new Error('nothing was measured')
  return middle
}
