import {
  formatIdentifier,
  isIcebergError,
  openTable,
  refreshTable,
  type Catalog,
  type CreateTable,
  type IOOptions,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { canonicalJson } from './canonical-json.ts'
import { parseColumns, serializeColumns } from './columns-json.ts'
import { JournalError } from './errors.ts'
import type { CreateJournal, Lake } from './journal.ts'
import { checkLayout, type JournalLayout } from './layout.ts'
import { journalProperty } from './names.ts'
import type { JournalPlan } from './plan.ts'

/** Creates the table of a journal, or opens the one that another process has just created. */
export async function createJournalTable(lake: Lake, create: CreateJournal): Promise<TableHandle> {
  const { layout, plan } = create
  const identifier = { namespace: layout.namespace, name: layout.journalName }
  const problems = [...checkLayout([layout]), ...plan.problems]
  if (problems.length > 0) {
    throw new JournalError('plan', problems.map(({ message }) => message).join('; '), {
      hint: problems.map(({ hint }) => hint).join(' '),
      problems,
      context: { table: formatIdentifier(identifier) },
    })
  }
  const io: IOOptions = create.signal === undefined ? {} : { signal: create.signal }
  await ensureNamespace(lake.catalog, layout, io)
  const table: CreateTable = {
    ...plan.create,
    properties: {
      ...plan.create.properties,
      [journalProperty.layout]: canonicalJson({ source: layout.source, namespace: layout.originalNamespace }),
    },
    ...(create.location === undefined ? {} : { location: create.location }),
  }
  try {
    await lake.catalog.createTable(identifier, table, io)
  } catch (error) {
    if (!isIcebergError(error, 'already-exists')) throw error
    return await openTable(lake.catalog, identifier, lake.io, io)
  }
  return await tieColumns(await openTable(lake.catalog, identifier, lake.io, io), plan, io)
}

async function ensureNamespace(catalog: Catalog, layout: JournalLayout, io: IOOptions): Promise<void> {
  for (let levels = 1; levels <= layout.namespace.length; levels += 1) {
    const namespace = layout.namespace.slice(0, levels)
    if (await catalog.namespaceExists(namespace, io)) continue
    const name = layout.originalNamespace[levels - 1] ?? ''
    try {
      await catalog.createNamespace(namespace, { 'icebridge.name': name }, io)
    } catch (error) {
      if (!isIcebergError(error, 'already-exists')) throw error
    }
  }
}

/** The plan's field ids are those that a flat schema gets; a catalog may assign others all the same. */
async function tieColumns(table: TableHandle, plan: JournalPlan, io: IOOptions): Promise<TableHandle> {
  const { metadata } = table.loaded
  const actual = new Map(metadata.schemas[0]?.fields.map(({ name, id }) => [name, id]))
  const newId = new Map(plan.create.schema.fields.map(({ name, id }) => [id, actual.get(name) ?? id]))
  if ([...newId].every(([planned, id]) => planned === id)) return table
  const recorded = parseColumns(plan.create.properties?.[journalProperty.columns] ?? '')
  const columns = serializeColumns({
    ...recorded,
    fields: recorded.fields.map((field) => ({
      ...field,
      fieldId: newId.get(field.fieldId) ?? field.fieldId,
      ...(field.role === 'value' ? {} : { of: newId.get(field.of) ?? field.of }),
    })),
  })
  const outcome = await table.catalog.commitTable(
    table.identifier,
    {
      base: table.loaded,
      requirements: [{ type: 'assert-table-uuid', uuid: metadata.tableUuid }],
      updates: [{ action: 'set-properties', updates: { [journalProperty.columns]: columns } }],
    },
    io,
  )
  if (outcome.status === 'committed') return { ...table, loaded: outcome.table }
  const refreshed = await refreshTable(table, io)
  if (refreshed.loaded.metadata.properties[journalProperty.columns] === columns) return refreshed
  throw new JournalError(
    'outcome-unknown',
    `journal ${formatIdentifier(table.identifier)} was created, but its columns were not recorded`,
    {
      hint: 'Drop the table, which is empty, and run again.',
      retryable: false,
      context: { table: formatIdentifier(table.identifier) },
    },
  )
}
