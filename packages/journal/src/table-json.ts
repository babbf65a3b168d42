import type { KeyDefinition, TableDefinition } from '@icebridge/sqlserver'
import { canonicalJson } from './canonical-json.ts'
import { isRecord } from './columns-json.ts'
import { JournalError } from './errors.ts'
import { journalProperty } from './names.ts'

/** A definition without what other properties hold: columns and keys. */
export type RecordedTable = Omit<TableDefinition, 'columns' | 'keys'>

/** Row counts are estimates of a moment, and `unmask` is of a login: neither is recorded. */
export function serializeTable(definition: TableDefinition): string {
  const { columns: _columns, keys: _keys, rowCount: _rowCount, unmask: _unmask, ...rest } = definition
  return canonicalJson(rest)
}

/** @throws {JournalError} `not-a-journal` when the property is damaged. */
export function parseTable(text: string): RecordedTable {
  const value = parse(text, journalProperty.table)
  if (
    !isRecord(value) ||
    !isRecord(value['table']) ||
    typeof value['table']['schema'] !== 'string' ||
    typeof value['table']['name'] !== 'string'
  ) {
    throw damaged(journalProperty.table)
  }
  // Written by serializeTable from the same type; the name was looked at, and nothing else decides anything.
  return { ...(value as unknown as Omit<RecordedTable, 'rowCount'>), rowCount: 0n }
}

export function serializeKeys(keys: readonly KeyDefinition[]): string {
  return canonicalJson(keys)
}

/** @throws {JournalError} `not-a-journal` when the property is damaged. */
export function parseKeys(text: string): readonly KeyDefinition[] {
  const value = parse(text, journalProperty.key)
  if (!Array.isArray(value) || !value.every(isKey)) throw damaged(journalProperty.key)
  return value
}

function isKey(value: unknown): value is KeyDefinition {
  return (
    isRecord(value) &&
    typeof value['name'] === 'string' &&
    Array.isArray(value['columns']) &&
    value['columns'].every((column) => isRecord(column) && typeof column['name'] === 'string')
  )
}

function parse(text: string, property: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw damaged(property, cause)
  }
}

function damaged(property: string, cause?: unknown): JournalError {
  return new JournalError('not-a-journal', `the table property ${property} cannot be read`, {
    hint: 'Restore the property from an earlier metadata file of the table.',
    ...(cause === undefined ? {} : { cause }),
  })
}
