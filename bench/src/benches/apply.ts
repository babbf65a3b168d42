import type { Figure } from '../figure.ts'
import type { Measured } from '../measure.ts'
import { legFigure, rounds, type ShapeRun, withShape } from '../shape-run.ts'
import { chosenShapes, type Shape } from '../shapes.ts'

/**
 * The apply leg of a first load, from the journal to the target's last commit, beside the driver's own bulk load of the same rows
 * from an array in memory into a table of the same columns and key. Measured in turn, each in a process of its own.
 */
export async function* apply(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  for (const shape of chosenShapes()) yield* withShape(shape, options.say, (run) => measured(shape, run))
}

async function* measured(shape: Shape, run: ShapeRun): AsyncGenerator<Figure> {
  const folder = run.folder()
  await run.leg('extract', { folder })
  const legs = { bulk: [] as Measured[], apply: [] as Measured[] }
  for (let round = 0; round < rounds(shape); round++) {
    const target = run.target(round)
    legs.bulk.push(await run.leg('bulk', { target }))
    legs.apply.push(await run.leg('apply', { target, folder }))
  }
  const name = `apply ${shape.name}`
  yield legFigure(shape, { bench: `${name}, bare bulk load`, aim: '' }, { of: legs.bulk, to: undefined })
  const ceiling = shape.name === 'wide' ? '200 MB and eight times the row' : 'below 300 MB'
  yield legFigure(
    shape,
    { bench: `${name}, to the bare bulk load`, aim: `ratio 0.8, ${ceiling}` },
    { of: legs.apply, to: legs.bulk },
  )
}
