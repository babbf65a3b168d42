import { BatchBuilder, columnView, type ColumnField } from '@icebridge/columnar'
import {
  readColumns,
  selectList,
  SqlServer,
  type BulkColumn,
  type ColumnDefinition,
  type ReadColumn,
  type ReadQuery,
  type SqlType,
  type TableDefinition,
} from '@icebridge/sqlserver'
import { openTestServer, type TestServer } from '@icebridge/sqlserver/testing'
import type { RecordBatch } from 'apache-arrow'

/** One server for a test file, with a database for each call. */
export class Fixture {
  readonly server: TestServer
  readonly #opened: SqlServer[] = []
  #databases = 0

  private constructor(server: TestServer) {
    this.server = server
  }

  static async open(): Promise<Fixture> {
    return new Fixture(await openTestServer())
  }

  async database(): Promise<SqlServer> {
    this.#databases += 1
    const name = `Driver_${process.pid}_${this.#databases}`
    const database = await SqlServer.connect(await this.server.createDatabase(name))
    this.#opened.push(database)
    return database
  }

  async close(): Promise<void> {
    for (const database of this.#opened) await database.close()
    await this.server[Symbol.asyncDispose]()
  }
}

/** A column definition of a type, as discovery gives it. */
export function column(name: string, type: SqlType, more: Partial<ColumnDefinition> = {}): ColumnDefinition {
  return {
    ordinal: 1,
    name,
    type,
    nullable: true,
    rowversion: type.name === 'rowversion',
    masked: false,
    sparse: false,
    hidden: false,
    ...more,
  }
}

/** Reads every column of a table with its companions, ordered by its first column. */
export function readAll(table: TableDefinition): ReadQuery {
  const columns: readonly ReadColumn[] = table.columns.flatMap((each) => [...readColumns(each)])
  const name = `[${table.table.schema}].[${table.table.name}]`
  return {
    text: `SELECT ${selectList(columns, '[t]')} FROM ${name} AS [t] ORDER BY [t].[${table.columns[0]?.name}]`,
    columns,
    table: name,
  }
}

/** Loads every column of a table from batches that {@link readAll} gives. */
export function bulkColumns(table: TableDefinition): readonly BulkColumn[] {
  return table.columns
    .filter((each) => each.computed === undefined && !each.rowversion)
    .map((each) => {
      const companions = readColumns(each).slice(1)
      const name = (role: string): string | undefined => companions.find((read) => read.role === role)?.name
      const ns100 = name('ns100')
      const offset = name('offset')
      const variant = name('variant')
      return {
        name: each.name,
        type: each.type,
        nullable: each.nullable,
        from: {
          value: each.name,
          ...(ns100 === undefined ? {} : { ns100 }),
          ...(offset === undefined ? {} : { offset }),
          ...(variant === undefined ? {} : { variant }),
        },
      }
    })
}

/** A value of a batch: bytes as hexadecimal digits, so that they compare. */
export function cell(batch: RecordBatch, index: number, row: number): unknown {
  const view = columnView(batch, index)
  if (view.isNull(row)) return null
  if (view.kind === 'struct' || view.kind === 'list' || view.kind === 'map') throw new TypeError(view.kind)
  const value = view.value(row)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}

/** The rows of batches as arrays. */
export async function rowsOf(batches: AsyncIterable<RecordBatch>): Promise<unknown[][]> {
  const rows: unknown[][] = []
  for await (const batch of batches) {
    for (let row = 0; row < batch.numRows; row += 1) {
      rows.push(batch.schema.fields.map((_, index) => cell(batch, index, row)))
    }
  }
  return rows
}

/** One batch of rows; each value goes to the builder of its field as it is. */
export function batchOf(fields: readonly ColumnField[], rows: readonly (readonly unknown[])[]): RecordBatch {
  const builder = new BatchBuilder(fields)
  for (const row of rows) {
    for (const [index, target] of builder.columns.entries()) {
      const value = row[index]
      if (value === null || value === undefined) target.appendNull()
      // The test's author gives values of the builder's kind.
      else (target as unknown as { append(value: unknown): void }).append(value)
    }
  }
  return builder.finish()
}

export async function* once<T>(...items: readonly T[]): AsyncGenerator<T, void, undefined> {
  for (const item of items) yield item
}
