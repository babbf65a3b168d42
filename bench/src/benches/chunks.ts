import type { Figure } from '../figure.ts'
import type { Measured } from '../measure.ts'
import { legFigure, rounds, type ShapeRun, withShape } from '../shape-run.ts'
import { chosenShapes, type Shape } from '../shapes.ts'

/** A first load in chunks, over one connection and over two, beside the same in one stream and one commit. */
export async function* chunks(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  for (const shape of chosenShapes()) yield* withShape(shape, options.say, (run) => measured(shape, run))
}

async function* measured(shape: Shape, run: ShapeRun): AsyncGenerator<Figure> {
  const legs = { stream: [] as Measured[], one: [] as Measured[], two: [] as Measured[] }
  for (let round = 0; round < rounds(shape); round++) {
    legs.stream.push(await run.leg('one-stream', { folder: run.folder() }))
    legs.one.push(await run.leg('one-connection', { folder: run.folder() }))
    legs.two.push(await run.leg('two-connections', { folder: run.folder() }))
  }
  const name = `chunks ${shape.name}`
  const two = { of: legs.two, to: legs.one }
  yield legFigure(shape, { bench: `${name}, one stream`, aim: '' }, { of: legs.stream, to: undefined })
  yield legFigure(shape, { bench: `${name}, one connection to one stream`, aim: '' }, { of: legs.one, to: legs.stream })
  yield legFigure(shape, { bench: `${name}, two connections to one`, aim: 'above 1, below 300 MB' }, two)
}
