import type { ColumnView } from '@icebridge/columnar'
import { IcebergIoError } from '../errors.ts'
import type { Leaf, Node } from './parquet-schema.ts'

/** The slots of one leaf for some rows: levels, and the rows of the leaf's view that hold a value. */
export interface Shredded {
  readonly leaf: Leaf
  readonly view: ColumnView
  readonly definitions: Uint8Array
  readonly repetitions: Uint8Array
  readonly rows: Int32Array
  readonly count: number
}

/** Slots on the way down. A row of -1 is one where some parent is null or empty. */
interface Slots {
  readonly rows: Int32Array
  readonly definitions: Uint8Array
  readonly repetitions: Uint8Array
}

/**
 * Cuts rows `start` to `end - 1` of a column into the slots of its leaves, in file order.
 *
 * @throws IcebergIoError `schema-mismatch` for a null where the schema allows none.
 * @see https://parquet.apache.org/docs/file-format/nestedencoding/
 */
export function shred(
  node: Node,
  view: ColumnView,
  range: { readonly start: number; readonly end: number },
): Shredded[] {
  const length = range.end - range.start
  const rows = Int32Array.from({ length }, (_, index) => range.start + index)
  const out: Shredded[] = []
  const slots = { rows, definitions: new Uint8Array(length), repetitions: new Uint8Array(length) }
  descend(out, node, view, slots, { definition: 0, repetition: 0 })
  return out
}

interface Levels {
  readonly definition: number
  readonly repetition: number
}

function descend(out: Shredded[], node: Node, view: ColumnView, slots: Slots, levels: Levels): void {
  if (node.kind === 'absent') return
  let { definition } = levels
  if (node.optional) definition++
  const { rows, definitions } = slots
  for (let slot = 0; slot < rows.length; slot++) {
    const row = rows[slot] ?? -1
    if (row < 0) continue
    if (!view.isNull(row)) definitions[slot] = definition
    else if (node.optional) rows[slot] = -1
    else throw nullInRequired(node.column)
  }
  const here = { definition, repetition: levels.repetition }
  if (node.kind === 'leaf') {
    out.push(leafSlots(node, view, slots))
  } else if (node.kind === 'struct' && view.kind === 'struct') {
    for (const [index, child] of node.children.entries()) {
      const childView = view.fields[index]
      if (childView === undefined) throw mismatch(node.column, node.kind, 'a struct with fewer fields')
      const own = { rows: rows.slice(), definitions: definitions.slice(), repetitions: slots.repetitions }
      descend(out, child, childView, own, here)
    }
  } else if (node.kind === 'list' && view.kind === 'list') {
    const inside = { definition: definition + 1, repetition: levels.repetition + 1 }
    descend(out, node.element, view.element, expand(view, slots, inside), inside)
  } else if (node.kind === 'map' && view.kind === 'map') {
    const inside = { definition: definition + 1, repetition: levels.repetition + 1 }
    descend(out, node.key, view.key, expand(view, slots, inside), inside)
    descend(out, node.value, view.value, expand(view, slots, inside), inside)
  } else {
    throw mismatch(node.column, node.kind, view.kind)
  }
}

function leafSlots(leaf: Leaf, view: ColumnView, slots: Slots): Shredded {
  const rows = new Int32Array(slots.rows.length)
  let count = 0
  for (const row of slots.rows) if (row >= 0) rows[count++] = row
  return { leaf, view, definitions: slots.definitions, repetitions: slots.repetitions, rows, count }
}

/** One slot an element, and one for each list that is null or empty. */
function expand(view: { start(row: number): number; end(row: number): number }, slots: Slots, inside: Levels): Slots {
  let total = 0
  for (const row of slots.rows) total += row < 0 ? 1 : Math.max(1, view.end(row) - view.start(row))
  const rows = new Int32Array(total)
  const definitions = new Uint8Array(total)
  const repetitions = new Uint8Array(total)
  let to = 0
  for (let slot = 0; slot < slots.rows.length; slot++) {
    const row = slots.rows[slot] ?? -1
    const start = row < 0 ? 0 : view.start(row)
    const end = row < 0 ? 0 : view.end(row)
    const repetition = slots.repetitions[slot] ?? 0
    if (start === end) {
      rows[to] = -1
      definitions[to] = slots.definitions[slot] ?? 0
      repetitions[to++] = repetition
    }
    for (let element = start; element < end; element++) {
      rows[to] = element
      definitions[to] = inside.definition
      repetitions[to++] = element === start ? repetition : inside.repetition
    }
  }
  return { rows, definitions, repetitions }
}

function nullInRequired(column: string): IcebergIoError {
  return new IcebergIoError(
    'schema-mismatch',
    `column ${column} is required by the table, and the batch holds a null in it`,
    {
      context: { column },
      hint: 'Make the column optional in the table, or correct the rows at their source.',
    },
  )
}

function mismatch(column: string, expected: string, found: string): IcebergIoError {
  return new IcebergIoError(
    'schema-mismatch',
    `column ${column}: the table holds a ${expected} where the batch holds ${found}`,
    {
      context: { column },
    },
  )
}
