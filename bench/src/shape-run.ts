import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { runChild, startSandboxProcess } from './child.ts'
import { type Measured, median, ratios } from './measure.ts'
import type { Figure } from './figure.ts'
import { fill, update, type Shape } from './shapes.ts'

type Say = (text: string) => void

/** A filled source in a server of its own, and what measures legs on it. */
export interface ShapeRun {
  readonly source: string
  /** An empty database, another each round. */
  target(round: number): string
  /** A new folder for a lake. */
  folder(): string
  /** Changes a tenth of the source's rows. */
  update(): Promise<void>
  /** Measures once and checks the number of rows: the shape's, unless said otherwise. */
  leg(
    name: string,
    place: { readonly target?: string; readonly folder?: string; readonly rows?: number },
  ): Promise<Measured>
}

/** Runs something with a shape's source in place, and puts all away afterwards. */
export async function* withShape(
  shape: Shape,
  say: Say,
  run: (run: ShapeRun) => AsyncGenerator<Figure>,
): AsyncGenerator<Figure> {
  const root = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
  try {
    const targets = Array.from({ length: rounds(shape) }, (_, round) => `target${round}`)
    // Targets of rows that do not fit into memory together keep digests of them.
    const more = shape.rowMegabytes === undefined ? [] : ['--digest-text-over', '1000000']
    await using sandbox = await startSandboxProcess(['source', ...targets], more)
    const source = sandbox.connectionString('source')
    {
      await using server = await SqlServer.connect(parseConnectionString(source))
      say(`${shape.name}: filling ${shape.rows} rows`)
      await fill(server, shape)
    }
    yield* run({
      source,
      target: (round) => sandbox.connectionString(targets[round] ?? ''),
      folder: () => mkdtempSync(join(root, 'lake-')),
      update: async () => {
        await using server = await SqlServer.connect(parseConnectionString(source))
        await update(server)
      },
      leg: async (name, place) => {
        const { rows = shape.rows } = place
        const target = place.target ?? sandbox.connectionString(targets[0] ?? '')
        const measured = await runChild<Measured>('./sql-leg.ts', [
          name,
          shape.name,
          source,
          target,
          place.folder ?? '',
        ])
        if (measured.rows !== rows) throw new Error(`${name} had ${measured.rows} rows instead of ${rows}`)
        const { seconds, cpuSeconds, peakMb } = measured
        say(`${shape.name} ${name}: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of processor, ${peakMb} MB`)
        return measured
      },
    })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

export function rounds(shape: Shape): number {
  return Number(process.env['ICEBRIDGE_BENCH_ROUNDS'] ?? shape.rounds)
}

/** The figure of a leg beside a peer that was measured in turn with it. */
export function legFigure(
  shape: Shape,
  what: { readonly bench: string; readonly aim: string; readonly ceilingMb?: number },
  { of, to }: { readonly of: readonly Measured[]; readonly to: readonly Measured[] | undefined },
): Figure {
  const own = median(of)
  const peakMb = Math.max(...of.map((each) => each.peakMb))
  return {
    bench: what.bench,
    value: Math.round(own.rows / own.seconds),
    unit: 'rows/s',
    ...(to === undefined ? { ratio: null } : ratios(own, median(to))),
    aim: what.aim,
    peakMb,
    ...(what.ceilingMb === undefined ? {} : { ceilingMb: what.ceilingMb, ceilingHeld: peakMb <= what.ceilingMb }),
  }
}
