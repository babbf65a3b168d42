import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openTable, type Catalog, type TableHandle } from '@icebridge/iceberg-core'
import { SqlServer } from '@icebridge/sqlserver'
import { openTestServer, type TestServer } from '@icebridge/sqlserver/testing'
import { IncrementalSyncCoordinator, type CoordinatorOptions } from '@icebridge/sync'

/** A source and a target database and an empty lake, thrown away at the end. */
export class Bench implements AsyncDisposable {
  readonly server: TestServer
  readonly source: SqlServer
  readonly target: SqlServer
  readonly folder: string
  readonly io: LocalFileIO
  readonly catalog: SqlCatalog

  private constructor(parts: {
    server: TestServer
    source: SqlServer
    target: SqlServer
    folder: string
    io: LocalFileIO
    catalog: SqlCatalog
  }) {
    this.server = parts.server
    this.source = parts.source
    this.target = parts.target
    this.folder = parts.folder
    this.io = parts.io
    this.catalog = parts.catalog
  }

  static async open(): Promise<Bench> {
    const server = await openTestServer()
    const folder = mkdtempSync(join(tmpdir(), 'icebridge-sync-'))
    const io = new LocalFileIO()
    return new Bench({
      server,
      source: await SqlServer.connect(await server.createDatabase('source')),
      target: await SqlServer.connect(await server.createDatabase('target')),
      folder,
      io,
      catalog: await openCatalog(folder, io),
    })
  }

  coordinator(changes: Partial<CoordinatorOptions> & { readonly catalog?: Catalog } = {}): IncrementalSyncCoordinator {
    const { catalog, ...options } = changes
    return new IncrementalSyncCoordinator({
      source: { name: 'erp', server: this.source },
      target: { name: 'dwh', server: this.target },
      lake: { catalog: catalog ?? this.catalog, io: this.io },
      environment: systemEnvironment,
      ...options,
    })
  }

  /** The journal of a table in dbo. */
  async journal(table: string): Promise<TableHandle> {
    return await openTable(this.catalog, { namespace: ['erp_dbo'], name: `${table}__changes` }, this.io)
  }

  async count(server: SqlServer, table: string): Promise<number> {
    const [row] = await server.query({ text: `SELECT COUNT(*) AS [n] FROM ${table}` })
    return Number(row?.['n'])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source.close()
    await this.target.close()
    await this.catalog[Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export async function openCatalog(folder: string, io: LocalFileIO): Promise<SqlCatalog> {
  return await SqlCatalog.openSqlite({
    name: 'icebridge',
    path: join(folder, 'catalog.db'),
    warehouse: folder,
    io,
    environment: systemEnvironment,
  })
}

/** Statements that insert orders numbered `from` to `to`, both inclusive. */
export function insertOrders(from: number, to: number): readonly string[] {
  const statements: string[] = []
  for (let start = from; start <= to; start += 500) {
    const rows = Array.from({ length: Math.min(500, to - start + 1) }, (_, index) => {
      const id = start + index
      return `(${id}, N'customer ${id} 🧊', ${id}.1234567891, '2026-01-01T00:00:00.${String(id).padStart(7, '0')}', ${id % 7 === 0 ? 'NULL' : `0x${id.toString(16).padStart(8, '0')}`})`
    })
    statements.push(
      `INSERT INTO [dbo].[orders] ([id], [customer], [total], [placed], [payload]) VALUES ${rows.join(', ')};`,
    )
  }
  return statements
}

export const createOrders = `CREATE TABLE [dbo].[orders] (
  [id] bigint NOT NULL CONSTRAINT [PK_orders] PRIMARY KEY,
  [customer] nvarchar(60) NULL,
  [total] decimal(38,10) NULL,
  [placed] datetime2(7) NULL,
  [payload] varbinary(20) NULL,
  [rv] rowversion NOT NULL
);`
