import type { z } from 'zod'
import type { ConfigProblem, Positions } from './problems.ts'
import { knownKeys, nearest } from './suggest.ts'

/** Turns what the schema complains of into problems with places. Values never stand in a message: one may be a secret. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  schema: z.core.$ZodType,
  positions: Positions,
): readonly ConfigProblem[] {
  return issues.flatMap((issue): readonly ConfigProblem[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, issue.path)
      return issue.keys.map((key) => positions.problem([...issue.path, key], unknownKey(key, known)))
    }
    if (issue.code === 'invalid_union') {
      // The alternative that got past the outermost shape is the one that was meant.
      const meant = issue.errors.find((branch) =>
        branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
      )
      if (meant !== undefined && meant.length > 0) {
        const inner = meant.map((found) => ({ ...found, path: [...issue.path, ...found.path] }))
        return describeIssues(inner, schema, positions)
      }
    }
    if (issue.code === 'invalid_key') return issue.issues.map((inner) => positions.problem(issue.path, inner.message))
    return [positions.problem(issue.path, message(issue))]
  })
}

function unknownKey(key: string, known: readonly string[]): string {
  const close = nearest(key, known)
  if (close !== undefined) return `is not a setting; did you mean \`${close}\`?`
  return known.length === 0 ? 'is not a setting' : `is not a setting here; known: ${known.join(', ')}`
}

/** The schema's own words where it has some; zod's are put as the rest of the messages are. */
function message(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    const expected = inWords(issue.expected)
    return issue.message.endsWith('received undefined') ? `is missing (${expected})` : `expected ${expected}`
  }
  if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid')) {
    return `expected ${issue.values.map((value) => `\`${String(value)}\``).join(' or ')}`
  }
  if (issue.code === 'too_small' && issue.origin === 'string') return 'must not be empty'
  if (issue.code === 'too_small' && issue.origin === 'number') return `must be ${issue.minimum} or more`
  if (issue.code === 'too_big' && issue.origin === 'number') return `must be ${issue.maximum} or less`
  return issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
}

function inWords(type: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: '`true` or `false`',
    object: 'a mapping of keys',
    record: 'a mapping of keys',
    array: 'a list',
  }
  return names[type] ?? type
}
