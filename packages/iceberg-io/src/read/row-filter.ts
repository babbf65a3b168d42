import { columnView, takeRows, type ColumnView } from '@icebridge/columnar'
import { evaluate, testValue, uuidFromBytes, type BoundExpression, type Value } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'

/**
 * The rows of a batch that pass a filter, in their order; the batch itself when all do. The batch has every column that the
 * filter names, by name (top-level columns).
 */
export function filterRows(batch: RecordBatch, filter: BoundExpression): RecordBatch {
  if (filter.op === 'true') return batch
  const views = new Map<string, ColumnView>()
  batch.schema.fields.forEach((field, index) => views.set(field.name, columnView(batch, index)))
  const passing = new Uint32Array(batch.numRows)
  let count = 0
  for (let row = 0; row < batch.numRows; row++) {
    const passes = evaluate(filter, (test) => {
      const view = views.get(test.term.path)
      return testValue(test, view === undefined ? null : valueAt(view, row))
    })
    if (passes) passing[count++] = row
  }
  return count === batch.numRows ? batch : takeRows(batch, passing.subarray(0, count))
}

/** The columns that a filter names. */
export function filterColumns(filter: BoundExpression): ReadonlySet<string> {
  const paths = new Set<string>()
  const visit = (part: BoundExpression): void => {
    if (part.op === 'and' || part.op === 'or') {
      visit(part.left)
      visit(part.right)
    } else if (part.op !== 'true' && part.op !== 'false') paths.add(part.term.path)
  }
  visit(filter)
  return paths
}

function valueAt(view: ColumnView, row: number): Value | null {
  if (view.isNull(row)) return null
  switch (view.kind) {
    case 'uuid':
      return uuidFromBytes(view.value(row))
    case 'struct':
    case 'list':
    case 'map':
      return null
    default:
      return view.value(row)
  }
}
