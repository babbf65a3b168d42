import type { SqlServer, TableDefinition } from '@icebridge/sqlserver'
import { SqlServerImporter } from '@icebridge/sqlserver-import'
import type { ImporterOptions, ImportPlan, ImportResult } from '@icebridge/sqlserver-import'
import { testTableUuid, unitOfRows } from '@icebridge/sqlserver-import/testing'
import type { UnitRow } from '@icebridge/sqlserver-import/testing'

const tableKey = 'erp.dbo.orders'

export function upsert(values: UnitRow['values']): UnitRow {
  return { op: 'upsert', values }
}

/** The table dbo.orders of a database, to which units go one after the other. */
export class OrdersTarget {
  readonly #server: SqlServer
  readonly #importer: SqlServerImporter
  readonly #source: TableDefinition
  readonly #plan: ImportPlan

  private constructor(server: SqlServer, importer: SqlServerImporter, source: TableDefinition, plan: ImportPlan) {
    this.#server = server
    this.#importer = importer
    this.#source = source
    this.#plan = plan
  }

  /** Makes the table. The source has the same columns, but for those of `unwritten`. */
  static async make(
    server: SqlServer,
    ddl: string,
    options: Partial<ImporterOptions> & { readonly unwritten?: readonly string[] } = {},
  ): Promise<OrdersTarget> {
    const { unwritten = [], ...more } = options
    await server.batch(ddl)
    const environment = { nowMs: () => Date.UTC(2026, 0, 1), sleep: async () => {} }
    const importer = new SqlServerImporter({ target: server, environment, ...more })
    await importer.prepare()
    const into = await server.describeTable({ schema: 'dbo', name: 'orders' })
    const source = { ...into, columns: into.columns.filter(({ name }) => !unwritten.includes(name)) }
    return new OrdersTarget(server, importer, source, importer.plan(source, into))
  }

  /** Applies a unit that goes to the head of the journal; with `reload` it ends one of those rows. */
  async apply(
    rows: readonly UnitRow[],
    options: { readonly reload?: readonly UnitRow[]; readonly widest?: boolean } = {},
  ): Promise<ImportResult> {
    const { widest = true, ...more } = options
    const position = await this.#importer.position(tableKey)
    const unit = unitOfRows(this.#source, rows, { from: (position?.sequence ?? 0n) + 1n, ...more })
    return await this.#importer.apply(unit, this.#plan, {
      tableKey,
      tableUuid: testTableUuid,
      position,
      lakeLocation: '/lake',
      runId: 'run-1',
      widest,
    })
  }

  async rows(columns: string): Promise<unknown> {
    return await this.#server.query({ text: `SELECT ${columns} FROM [dbo].[orders] ORDER BY [id]` })
  }
}
