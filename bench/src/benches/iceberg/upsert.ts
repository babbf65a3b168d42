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

const ROWS = 1_000_000
const KEYS = 100_000

/** 100,000 keys, of which 90,000 are spread over a table of 1,000,000 rows in ten files; PyIceberg's upsert of the same. */
export async function* upsertBench(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  const folder = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
  try {
    const leg = (name: string): Promise<Measured> =>
      runChild<Measured>('./upsert-leg.ts', [name, String(ROWS), String(KEYS), folder])
    await leg('fill')
    const ours = await leg('ours')
    options.say(`ours: ${ours.seconds.toFixed(2)} s, ${ours.peakMb} MB`)
    await leg('arrow')
    const peer = await runPython<Measured>('upsert.py', [folder])
    options.say(`pyiceberg: ${peer.seconds.toFixed(2)} s, ${peer.peakMb} MB`)
    for (const { rows } of [ours, peer]) {
      if (rows !== KEYS) throw new Error(`an upsert changed ${rows} rows instead of ${KEYS}`)
    }
    yield {
      bench: `iceberg upsert of ${KEYS} keys into ${ROWS} rows, to PyIceberg`,
      value: Math.round(KEYS / ours.seconds),
      unit: 'keys/s',
      ratio: Math.round((peer.seconds / ours.seconds) * 100) / 100,
      aim: `none; PyIceberg took ${peer.peakMb} MB`,
      peakMb: ours.peakMb,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
