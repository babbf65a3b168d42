import type { Expression } from '../tsql/ast.ts'
import type { Rows, Test, Value } from './direct-expressions.ts'
import { type Key, keyOf } from './direct-values.ts'
import type { Row } from './system-objects.ts'

/** One source of a FROM clause, joined to those before it. */
export interface Stage {
  readonly slot: number
  /** The other rows stay when none of this source meets the tests. */
  readonly outer: boolean
  readonly rows: () => readonly Row[]
  /** What a pair must meet to be joined. */
  readonly on: Test[]
  /** What is left of WHERE that may be asked once this source is joined. */
  readonly where: Test[]
}

/** The operands of AND. */
export function conjuncts(e: Expression | undefined): Expression[] {
  if (e === undefined) return []
  return e.kind === 'and' ? [...conjuncts(e.left), ...conjuncts(e.right)] : [e]
}

/** Puts each test of WHERE where its sources are first complete: what is joined later cannot change it. */
export function placeTests(stages: readonly Stage[], tests: readonly Test[]): void {
  for (const test of tests) {
    const at = test.slots === undefined ? stages.length - 1 : stages.findLastIndex((s) => test.slots?.has(s.slot))
    const stage = stages[Math.max(0, at)]
    if (stage === undefined) continue
    if (stage.outer) stage.where.push(test)
    else stage.on.push(test)
  }
}

/** Calls `found` with each combination of rows that the joins give; `at` has the rows of the queries around. */
export function joiner(stages: readonly Stage[]): (at: Rows, found: () => void) => void {
  const lookups = stages.map(lookup)
  return (at, found) => {
    const join = (n: number): void => {
      const stage = stages[n]
      if (stage === undefined) {
        found()
        return
      }
      const go = (row: Row | undefined): void => {
        at[stage.slot] = row
        if (stage.where.every((test) => test.holds(at) === true)) join(n + 1)
      }
      let joined = false
      for (const row of lookups[n]?.(at) ?? []) {
        at[stage.slot] = row
        if (!stage.on.every((test) => test.holds(at) === true)) continue
        joined = true
        go(row)
      }
      if (stage.outer && !joined) go(undefined)
    }
    join(0)
  }
}

/** The rows of a source that may meet its tests: by an index when one of them is an equality with a column of the source. */
function lookup(stage: Stage): (at: Rows) => readonly Row[] {
  const { slot, rows } = stage
  let all: readonly Row[] | undefined
  const equality = stage.on.flatMap(({ equal }) => (equal === undefined ? [] : sides(equal, slot)))[0]
  if (equality === undefined) return () => (all ??= rows())
  const { field, other } = equality
  let index: Map<Key, Row[]> | undefined
  return (at) => {
    if (index === undefined) {
      index = new Map()
      for (const row of rows()) {
        const key = keyOf(row[field] ?? null)
        if (key === null) continue
        const same = index.get(key)
        if (same === undefined) index.set(key, [row])
        else same.push(row)
      }
    }
    const key = keyOf(other.read(at))
    return key === null ? [] : (index.get(key) ?? [])
  }
}

function sides([left, right]: readonly [Value, Value], slot: number): { field: string; other: Value }[] {
  return [[left, right] as const, [right, left] as const].flatMap(([mine, other]) =>
    mine.column?.slot === slot && other.slots !== undefined && !other.slots.has(slot)
      ? [{ field: mine.column.field, other }]
      : [],
  )
}
