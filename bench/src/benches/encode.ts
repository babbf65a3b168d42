import type { Figure } from '../figure.ts'
import type { Measured } from '../measure.ts'
import { legFigure, rounds, type ShapeRun, withShape } from '../shape-run.ts'
import { chosenShapes, type Shape } from '../shapes.ts'

/**
 * A stream of rows to one Parquet file: written in a worker thread, beside written on the thread that reads, as icebridge does. The memory
 * of each batch is handed to the worker; its start is not measured.
 */
export async function* encode(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  for (const shape of chosenShapes()) {
    if (shape.rowMegabytes === undefined) yield* withShape(shape, options.say, (run) => measured(shape, run))
  }
}

async function* measured(shape: Shape, run: ShapeRun): AsyncGenerator<Figure> {
  const legs = { here: [] as Measured[], worker: [] as Measured[] }
  for (let round = 0; round < rounds(shape); round++) {
    legs.here.push(await run.leg('encode-here', { folder: run.folder() }))
    legs.worker.push(await run.leg('encode-in-worker', { folder: run.folder() }))
  }
  const name = `encode ${shape.name}`
  yield legFigure(shape, { bench: `${name}, on the reading thread`, aim: '' }, { of: legs.here, to: undefined })
  const both = { of: legs.worker, to: legs.here }
  yield legFigure(shape, { bench: `${name}, in a worker to the reading thread`, aim: 'none' }, both)
}
