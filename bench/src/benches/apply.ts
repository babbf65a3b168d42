import type { Figure } from '../figure.ts'
import type { Measured } from '../measure.ts'
import { legFigure, rounds, type ShapeRun, withShape } from '../shape-run.ts'
import { ceilingMb, chosenShapes, type Shape, updatedRows } from '../shapes.ts'

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
  yield legFigure(
    shape,
    { bench: `${name}, to the bare bulk load`, aim: 'ratio 0.8, and the ceiling', ceilingMb: ceilingMb(shape) },
    { of: legs.apply, to: legs.bulk },
  )
  if (shape.name !== 'narrow') return
  yield* options(shape, run, legs.bulk)
  yield* staged(shape, run, folder)
}

/** Rows that are in memory as batches, and what the options of INSERT BULK cost on top. */
async function* options(shape: Shape, run: ShapeRun, bulk: readonly Measured[]): AsyncGenerator<Figure> {
  const legs = {
    'own-bulk': 'batches in memory',
    'own-bulk-row-locks': 'batches in memory, without lockTable',
    'own-bulk-unchecked': 'batches in memory, without checkConstraints',
    'own-bulk-ordered': 'batches in memory, with order',
    'own-bulk-batches': 'batches in memory, 102,400 rows an INSERT BULK',
  }
  const of = new Map<string, Measured[]>(Object.keys(legs).map((leg) => [leg, []]))
  for (let round = 0; round < rounds(shape); round++) {
    for (const [leg, all] of of) all.push(await run.leg(leg, { target: run.target(round) }))
  }
  for (const [leg, what] of Object.entries(legs)) {
    const bench = `apply ${shape.name}, ${what}, to the bare bulk load`
    yield legFigure(shape, { bench, aim: '' }, { of: of.get(leg) ?? [], to: bulk })
  }
}

/** What goes by way of the stage, beside a bulk load and a MERGE by hand: a first load that may not go straight, and updates. */
async function* staged(shape: Shape, run: ShapeRun, folder: string): AsyncGenerator<Figure> {
  const legs = { merge: [] as Measured[], apply: [] as Measured[] }
  for (let round = 0; round < rounds(shape); round++) {
    const target = run.target(round)
    legs.merge.push(await run.leg('bulk-merge', { target }))
    legs.apply.push(await run.leg('apply-staged', { target, folder }))
  }
  const bench = `apply ${shape.name}, all rows by way of the stage, to a bulk load and a MERGE by hand`
  yield legFigure(shape, { bench, aim: 'ratio 0.8, below 300 MB' }, { of: legs.apply, to: legs.merge })
  const updates = { merge: [] as Measured[], apply: [] as Measured[] }
  const [target, rows] = [run.target(0), updatedRows(shape)]
  for (let round = 0; round < rounds(shape); round++) {
    await run.update()
    await run.leg('extract', { folder, rows })
    updates.merge.push(await run.leg('bulk-merge-updated', { target, rows }))
    updates.apply.push(await run.leg('apply', { target, folder, rows }))
  }
  yield legFigure(
    shape,
    {
      bench: `apply ${shape.name}, updates of a tenth, to a bulk load and a MERGE by hand`,
      aim: 'ratio 0.8, below 300 MB',
    },
    { of: updates.apply, to: updates.merge },
  )
}
