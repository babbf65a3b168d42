import {
  evolveSchema,
  formatIdentifier,
  refreshTable,
  type Environment,
  type TableHandle,
  type TableUpdate,
} from '@icebridge/iceberg-core'
import type { TableDefinition } from '@icebridge/sqlserver'
import { serializeColumns } from './columns-json.ts'
import { JournalError } from './errors.ts'
import { planEvolution, type EvolutionChanges, type SchemaPlan } from './evolution-plan.ts'
import { journalRecord } from './journal-column.ts'
import type { Journal } from './journal.ts'
import { journalProperty } from './names.ts'
import { planJournal } from './plan.ts'
import { serializeKeys, serializeTable } from './table-json.ts'

export interface EvolveOptions {
  readonly signal?: AbortSignal | undefined
}

/** What {@link Journal.evolve} did. All lists empty, and the same journal, when there was nothing to do. */
export interface Evolution extends EvolutionChanges {
  /** Begin the next batch on this one. */
  readonly journal: Journal
}

const attempts = 5

/** Commits the schema and the recorded definition together, until both are there. */
export async function evolveJournal(
  table: TableHandle,
  definition: TableDefinition,
  options: EvolveOptions & { readonly environment: Environment },
): Promise<{ readonly table: TableHandle; readonly changes: EvolutionChanges }> {
  const label = formatIdentifier(table.identifier)
  const { signal } = options
  let handle = table
  let reason = ''
  let first: EvolutionChanges | undefined
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const { metadata } = handle.loaded
    const record = journalRecord(metadata, label)
    const { timestamps, time } = record.recorded
    const { problems } = planJournal(definition, { timestamps, time })
    if (problems.length > 0) {
      throw new JournalError('plan', problems.map(({ message }) => message).join('; '), {
        hint: problems.map(({ hint }) => hint).join(' '),
        problems,
        context: { table: label },
      })
    }
    const plan = planEvolution(metadata, record, definition)
    const updates = updatesFor(handle, plan, definition)
    if (updates.length === 0) return { table: handle, changes: first ?? plan.changes }
    first = plan.changes
    const outcome = await handle.catalog.commitTable(
      handle.identifier,
      {
        base: handle.loaded,
        requirements: [
          { type: 'assert-table-uuid', uuid: metadata.tableUuid },
          { type: 'assert-current-schema-id', currentSchemaId: metadata.currentSchemaId },
          { type: 'assert-last-assigned-field-id', lastAssignedFieldId: metadata.lastColumnId },
        ],
        updates,
      },
      signal === undefined ? {} : { signal },
    )
    if (outcome.status === 'committed') return { table: { ...handle, loaded: outcome.table }, changes: plan.changes }
    // Lost or lost out: what is still to be done shows in the table itself.
    reason = outcome.status === 'conflict' ? outcome.reason : String(outcome.cause)
    await options.environment.sleep(100 * 2 ** (attempt - 1), signal)
    handle = await refreshTable(handle, { signal })
  }
  throw new JournalError('conflict', `the columns of journal ${label} could not be changed: ${reason}`, {
    hint: 'Run again; if this stays so, somebody else keeps changing the schema.',
    retryable: true,
    context: { table: label },
  })
}

function updatesFor(table: TableHandle, plan: SchemaPlan, definition: TableDefinition): readonly TableUpdate[] {
  const { metadata } = table.loaded
  const schemaUpdates = evolveSchema(metadata, plan.schema)
  const added = schemaUpdates.find((update) => update.action === 'add-schema')
  const fields = added?.schema.fields ?? []
  const idOf = (name: string): number => fields.find((field) => field.name === name)?.id ?? 0
  const wanted: Readonly<Record<string, string>> = {
    [journalProperty.columns]: serializeColumns(plan.recorded(idOf)),
    [journalProperty.key]: serializeKeys(definition.keys),
    [journalProperty.table]: serializeTable(definition),
    ...(plan.changes.needsReload && metadata.currentSnapshotId !== undefined
      ? { [journalProperty.reloadDue]: 'true' }
      : {}),
  }
  const changed = Object.entries(wanted).filter(([name, value]) => metadata.properties[name] !== value)
  return [
    ...schemaUpdates,
    ...(changed.length === 0 ? [] : [{ action: 'set-properties' as const, updates: Object.fromEntries(changed) }]),
  ]
}
