import { columnView, takeRows, type ColumnView } from '@icebridge/columnar'
import {
  testValue,
  uuidFromBytes,
  type BoundExpression,
  type ColumnTerm,
  type NestedField,
  type Schema,
  type Test,
  type Value,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { filterTerms } from './filter-terms.ts'
import { mergeFields, projectField } from './projection.ts'

/** Tells whether a row passes. */
type Passes = (row: number) => boolean

/**
 * The rows of a batch that pass a filter, in their order; the batch itself when all do. `fields` are what the batch's first
 * columns were read as, and hold every column that the filter names, at any depth of structs.
 */
export function filterRows(batch: RecordBatch, filter: BoundExpression, fields: readonly NestedField[]): RecordBatch {
  if (filter.op === 'true') return batch
  const passes = compile(filter, (term) => valuesOf(term, batch, fields))
  const passing = new Uint32Array(batch.numRows)
  let count = 0
  for (let row = 0; row < batch.numRows; row++) if (passes(row)) passing[count++] = row
  return count === batch.numRows ? batch : takeRows(batch, passing.subarray(0, count))
}

/** What must be read for a filter, with no more of a struct than is tested. */
export function filterFields(filter: BoundExpression, schema: Pick<Schema, 'fields'>): readonly NestedField[] {
  return filterTerms(filter).reduce<readonly NestedField[]>((fields, { fieldId, path }) => {
    const field = projectField(schema, fieldId)
    if (field === undefined) throw new TypeError(`the filter was tied to a schema with ${path}`)
    return mergeFields(fields, [field])
  }, [])
}

function compile(filter: BoundExpression, valuesAt: (term: ColumnTerm) => (row: number) => Value | null): Passes {
  switch (filter.op) {
    case 'true':
    case 'false': {
      const always = filter.op === 'true'
      return () => always
    }
    case 'and':
    case 'or': {
      const [left, right] = [compile(filter.left, valuesAt), compile(filter.right, valuesAt)]
      return filter.op === 'and' ? (row) => left(row) && right(row) : (row) => left(row) || right(row)
    }
    default:
      return test(filter, valuesAt(filter.term))
  }
}

function test(of: Test<ColumnTerm>, valueAt: (row: number) => Value | null): Passes {
  return (row) => testValue(of, valueAt(row))
}

/** The values of a term; one inside a struct that is null is null. */
function valuesOf(
  { fieldId, path }: ColumnTerm,
  batch: RecordBatch,
  fields: readonly NestedField[],
): (row: number) => Value | null {
  const views = pathTo(fields, fieldId, (index) => columnView(batch, index))
  const view = views?.[views.length - 1]
  if (views === undefined || view === undefined) throw new TypeError(`the batch has the column ${path}`)
  const around = views.slice(0, -1)
  const own = valueOf(view)
  if (around.length === 0) return own
  return (row) => (around.some((struct) => struct.isNull(row)) ? null : own(row))
}

function pathTo(
  fields: readonly NestedField[],
  id: number,
  viewAt: (index: number) => ColumnView | undefined,
): readonly ColumnView[] | undefined {
  for (const [index, field] of fields.entries()) {
    const { type } = field
    if (field.id !== id && (typeof type !== 'object' || type.kind !== 'struct')) continue
    const view = viewAt(index)
    if (view === undefined) throw new TypeError(`a view of ${field.name}`)
    if (field.id === id) return [view]
    if (typeof type !== 'object' || type.kind !== 'struct' || view.kind !== 'struct') continue
    const below = pathTo(type.fields, id, (child) => view.fields[child])
    if (below !== undefined) return [view, ...below]
  }
  return undefined
}

function valueOf(view: ColumnView): (row: number) => Value | null {
  switch (view.kind) {
    case 'uuid':
      return (row) => (view.isNull(row) ? null : uuidFromBytes(view.value(row)))
    case 'struct':
    case 'list':
    case 'map':
      // A variant: no filter asks for more than whether it is there.
      return (row) => (view.isNull(row) ? null : true)
    default:
      return (row) => (view.isNull(row) ? null : view.value(row))
  }
}
