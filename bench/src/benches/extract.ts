import { externalTools } from '../external.ts'
import type { Figure } from '../figure.ts'
import type { Measured } from '../measure.ts'
import { legFigure, rounds, type ShapeRun, withShape } from '../shape-run.ts'
import { ceilingMb, chosenShapes, type Shape } from '../shapes.ts'

/**
 * The extract leg, from the source's first row to the journal's commit, beside a bare mssql stream of the table in arrayRowMode that
 * throws the rows away. Peer and leg are measured in turn, each in a process of its own.
 */
export async function* extract(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  for (const shape of chosenShapes()) {
    yield* withShape(shape, options.say, (run) => measured(shape, run, options.say))
  }
}

async function* measured(shape: Shape, run: ShapeRun, say: (text: string) => void): AsyncGenerator<Figure> {
  const legs = {
    bare: [] as Measured[],
    extract: [] as Measured[],
    converted: [] as Measured[],
  }
  for (let round = 0; round < rounds(shape); round++) {
    legs.bare.push(await run.leg('bare', {}))
    legs.extract.push(await run.leg('extract', { folder: run.folder() }))
    if (shape.rounds > 1) legs.converted.push(await run.leg('extract-converted', { folder: run.folder() }))
  }
  const name = `extract ${shape.name}`
  yield legFigure(shape, { bench: `${name}, bare stream`, aim: '' }, { of: legs.bare, to: undefined })
  yield legFigure(
    shape,
    {
      bench: `${name}, to the bare stream, which rounds`,
      aim: 'ratio 0.8, and the ceiling',
      ceilingMb: ceilingMb(shape),
    },
    { of: legs.extract, to: legs.bare },
  )
  if (legs.converted.length > 0)
    yield legFigure(
      shape,
      { bench: `${name}, exact values converted by the server, to those of the driver`, aim: 'none; the fallback' },
      { of: legs.converted, to: legs.extract },
    )
  yield* externalTools(shape, { source: run.source, target: run.target(0), folder: () => run.folder() }, say)
}
