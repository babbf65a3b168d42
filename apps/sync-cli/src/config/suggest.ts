import type { z } from 'zod'

/** The keys that a schema knows at a place; empty where any key goes. */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const [head, ...rest] = path
  // zod's core types name only what all schemas share; `def` tells them apart by `type`.
  const { def } = schema._zod as unknown as { def: Def }
  switch (def.type) {
    case 'object':
      if (head === undefined) return Object.keys(def.shape)
      return Object.hasOwn(def.shape, head) ? knownKeys(def.shape[String(head)] as z.core.$ZodType, rest) : []
    case 'record':
      return head === undefined ? [] : knownKeys(def.valueType, rest)
    case 'array':
      return head === undefined ? [] : knownKeys(def.element, rest)
    case 'optional':
      return knownKeys(def.innerType, path)
    case 'union':
      return def.options.flatMap((option) => knownKeys(option, path))
    case 'literal':
    default:
      return []
  }
}

type Def =
  | { readonly type: 'object'; readonly shape: Readonly<Record<string, z.core.$ZodType>> }
  | { readonly type: 'record'; readonly valueType: z.core.$ZodType }
  | { readonly type: 'array'; readonly element: z.core.$ZodType }
  | { readonly type: 'optional'; readonly innerType: z.core.$ZodType }
  | { readonly type: 'union'; readonly options: readonly z.core.$ZodType[] }
  | { readonly type: 'literal' }

/** The candidate that a person most likely meant; undefined when none is close. Upper and lower case do not count. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(text.length / 3))
  let best: string | undefined
  let least = limit + 1
  for (const candidate of candidates) {
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(i - 2, j - 2) + 1)
      row.push(least)
    }
  }
  return at(a.length, b.length)
}
