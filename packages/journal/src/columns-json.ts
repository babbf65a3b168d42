import type { ColumnDefinition } from '@icebridge/sqlserver'
import { canonicalJson } from './canonical-json.ts'
import { JournalError } from './errors.ts'
import { journalProperty } from './names.ts'

/** What the property says of one field of the schema. */
export type RecordedField =
  | {
      readonly fieldId: number
      readonly role: 'value'
      readonly definition: ColumnDefinition
      /** The source has the column no longer; its field stays. */
      readonly dropped?: boolean
      /** The column has another field now, since its type changed beyond what Iceberg promotes. */
      readonly retired?: boolean
    }
  | { readonly fieldId: number; readonly role: 'ns100' | 'offset' | 'variant'; readonly of: number }

export interface RecordedColumns {
  readonly timestamps: 'exact' | 'micros'
  readonly time: 'time' | 'micros'
  /** In order of field id. */
  readonly fields: readonly RecordedField[]
}

/** The property's value: JSON keyed by field id. */
export function serializeColumns(columns: RecordedColumns): string {
  // Keys that are whole numbers keep their numeric order in any JavaScript object.
  const fields = Object.fromEntries(columns.fields.map(({ fieldId, ...rest }) => [String(fieldId), rest]))
  return canonicalJson({ timestamps: columns.timestamps, time: columns.time, fields })
}

/** @throws {JournalError} `not-a-journal` when the property is damaged. */
export function parseColumns(text: string): RecordedColumns {
  try {
    const value: unknown = JSON.parse(text)
    if (!isRecord(value) || !isRecord(value['fields'])) throw new TypeError('it is no object with fields')
    return {
      timestamps: value['timestamps'] === 'micros' ? 'micros' : 'exact',
      time: value['time'] === 'micros' ? 'micros' : 'time',
      fields: Object.entries(value['fields']).map(([id, field]) => recordedField(Number(id), field)),
    }
  } catch (cause) {
    throw new JournalError('not-a-journal', `the table property ${journalProperty.columns} cannot be read`, {
      hint: 'Restore the property from an earlier metadata file of the table.',
      cause,
    })
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function recordedField(fieldId: number, value: unknown): RecordedField {
  if (!Number.isInteger(fieldId) || !isRecord(value)) throw new TypeError(`field ${fieldId} is no object`)
  const { role, of } = value
  if ((role === 'ns100' || role === 'offset' || role === 'variant') && typeof of === 'number')
    return { fieldId, role, of }
  if (role !== 'value' || !isColumn(value['definition'])) throw new TypeError(`field ${fieldId} has no definition`)
  return {
    fieldId,
    role: 'value',
    definition: value['definition'],
    ...(value['dropped'] === true ? { dropped: true } : {}),
    ...(value['retired'] === true ? { retired: true } : {}),
  }
}

/** The members that everything rests on; the others were written by the same code from the same type. */
function isColumn(value: unknown): value is ColumnDefinition {
  return (
    isRecord(value) &&
    typeof value['name'] === 'string' &&
    typeof value['ordinal'] === 'number' &&
    typeof value['nullable'] === 'boolean' &&
    isRecord(value['type']) &&
    typeof value['type']['name'] === 'string'
  )
}
