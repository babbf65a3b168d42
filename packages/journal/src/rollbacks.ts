import type { TableMetadata } from '@icebridge/iceberg-core'
import { isRecord } from './columns-json.ts'
import { JournalError } from './errors.ts'
import { journalProperty } from './names.ts'
import { parsePosition } from './position-json.ts'
import { resolveHead } from './resolve-head.ts'

/** Row versions that a rollback took out of the journal; their numbers have been used again since. Both inclusive. */
export interface Rollback {
  readonly from: bigint
  readonly to: bigint
}

/**
 * The property that the first commit after a rollback sets. A target whose snapshot is expired and whose sequence lies in a
 * range of it may have applied what is gone; nothing else would tell once the snapshots that were rolled back are expired.
 */
export function rollbackProperty(metadata: TableMetadata, label: string): Readonly<Record<string, string>> {
  const { head } = resolveHead(metadata, label)
  const text = metadata.properties[journalProperty.position]
  if (head.rolledBackFrom === undefined || text === undefined) return {}
  const { sequence } = parsePosition(text)
  if (sequence <= head.sequence) return {}
  const all = [{ from: head.sequence + 1n, to: sequence }, ...rollbacksOf(metadata)]
  return {
    [journalProperty.rollbacks]: JSON.stringify(all.map(({ from, to }) => ({ from: String(from), to: String(to) }))),
  }
}

/** Newest first. @throws {JournalError} `not-a-journal` when the property is damaged. */
export function rollbacksOf(metadata: TableMetadata): readonly Rollback[] {
  const text = metadata.properties[journalProperty.rollbacks]
  if (text === undefined) return []
  try {
    const value: unknown = JSON.parse(text)
    if (!Array.isArray(value)) throw new TypeError('it is no array')
    return value.map((range: unknown) => {
      if (!isRecord(range)) throw new TypeError('a range is no object')
      return { from: BigInt(String(range['from'])), to: BigInt(String(range['to'])) }
    })
  } catch (cause) {
    throw new JournalError('not-a-journal', `the table property ${journalProperty.rollbacks} cannot be read`, {
      hint: 'Restore the property from an earlier metadata file of the table.',
      cause,
    })
  }
}
