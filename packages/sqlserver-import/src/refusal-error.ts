import { ImportError } from './errors.ts'
import type { Refusal } from './refused-range.ts'

/** A staged row in a message. */
export interface NamedRow {
  readonly sequence: bigint
  /** `id = 7, line = 2` */
  readonly key: string
}

/** What is known of the rows that a target refused. */
export type Culprit =
  | { readonly kind: 'row'; readonly row: NamedRow }
  /** It cannot stand beside another row of the unit, or of the target. */
  | { readonly kind: 'pair'; readonly row: NamedRow; readonly other: NamedRow | { readonly key: string } }
  /** Only together are they refused. */
  | { readonly kind: 'range'; readonly first: NamedRow; readonly last: NamedRow; readonly rows: bigint }
  /** Not known, and why. */
  | { readonly kind: 'unknown'; readonly why?: string }

/** The error of a unit that the target refused. */
export function refusalError(
  target: string,
  { number, error }: Refusal,
  { columns, culprit }: { readonly columns: readonly string[]; readonly culprit: Culprit },
): ImportError {
  const names = columns.join(', ')
  const where = [
    target,
    ...(columns.length === 0 ? [] : [`column${columns.length === 1 ? '' : 's'} ${names}`]),
    ...placeOf(culprit),
  ]
  return new ImportError('row-refused', `${where.join(', ')}: ${messageOf(error)}`, {
    hint: hintOf(culprit),
    context: {
      target,
      number,
      ...(columns.length === 0 ? {} : { columns: names }),
      ...sequencesOf(culprit),
    },
    cause: error,
  })
}

/** `error 547: The MERGE statement conflicted with …` */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function placeOf(culprit: Culprit): readonly string[] {
  switch (culprit.kind) {
    case 'row':
      return [`row with ${culprit.row.key}`]
    case 'pair': {
      const { row, other } = culprit
      return [`row with ${row.key} beside the ${'sequence' in other ? '' : "target's "}row with ${other.key}`]
    }
    case 'range':
      return [
        `${culprit.rows} rows together, from the one with ${culprit.first.key} to the one with ${culprit.last.key}`,
      ]
    case 'unknown':
      return []
  }
}

function hintOf(culprit: Culprit): string {
  const nothing = 'Nothing of the unit was written.'
  switch (culprit.kind) {
    case 'row':
      return `${nothing} Correct the row at its source, or change the target so that it takes the row; then run again.`
    case 'pair':
      return `${nothing} Correct one of the two rows, or change the target so that it takes both; then run again.`
    case 'range':
      return `${nothing} No single row of the unit is refused by itself; this is the smallest range found that is, in the journal's order. Correct rows of it at their source, or change the target so that it takes them; then run again.`
    case 'unknown':
      return `${nothing} ${culprit.why === undefined ? '' : `No row is named: ${culprit.why}. `}Correct the source or the target by what the server says; then run again.`
  }
}

function sequencesOf(culprit: Culprit): Readonly<Record<string, string | number>> {
  switch (culprit.kind) {
    case 'row':
      return { sequence: String(culprit.row.sequence) }
    case 'pair': {
      const { row, other } = culprit
      return {
        sequence: String(row.sequence),
        ...('sequence' in other ? { otherSequence: String(other.sequence) } : {}),
      }
    }
    case 'range': {
      const { first, last, rows } = culprit
      return { fromSequence: String(first.sequence), toSequence: String(last.sequence), rows: Number(rows) }
    }
    case 'unknown':
      return {}
  }
}
