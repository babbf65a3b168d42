/** Applies one unit of a journal to a table of the target, which is created when it is absent. */
import { SqlServerImporter } from '@icebridge/sqlserver-import'
import type { ImportResult } from '@icebridge/sqlserver-import'
import type { JournalUnit } from '@icebridge/journal'
import type { SqlServer, TableDefinition } from '@icebridge/sqlserver'
import { setTimeout as delay } from 'node:timers/promises'

export interface Work {
  readonly target: SqlServer
  /** The source table's definition, as the journal records it. */
  readonly source: TableDefinition
  readonly tableUuid: string
  readonly lakeLocation: string
  readonly unit: JournalUnit
}

export async function applyUnit({ target, source, tableUuid, lakeLocation, unit }: Work): Promise<ImportResult> {
  const environment = {
    nowMs: () => Date.now(),
    sleep: async (ms: number, signal?: AbortSignal) =>
      await delay(ms, undefined, signal === undefined ? {} : { signal }),
  }
  const importer = new SqlServerImporter({ target, environment })
  await importer.prepare()

  const tableKey = `erp.${source.table.schema}.${source.table.name}`
  const position = await importer.position(tableKey)
  if (position === undefined) await importer.createTarget(source, source.table, { tableKey })

  const plan = importer.plan(source, await target.describeTable(source.table))
  for (const problem of plan.problems)
    console.error(`${problem.column ?? 'table'}: ${problem.message}. ${problem.hint}`)

  return await importer.apply(unit, plan, { tableKey, tableUuid, position, lakeLocation, runId: 'example' })
}
