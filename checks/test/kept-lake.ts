import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openTable, type TableHandle } from '@icebridge/iceberg-core'
import type { JsonRow } from '../src/aggregates.ts'
import { output } from '../src/run-process.ts'
import { demoProgram, icebridgeProgram } from './programs.ts'

/** A lake that the demo left in a folder, read with our own packages. */
export class KeptLake {
  readonly folder: string
  readonly catalogFile: string
  readonly catalogName: string = 'icebridge'

  constructor(folder: string) {
    this.folder = folder
    this.catalogFile = join(folder, 'catalog.db')
  }

  /** Runs the demo and keeps its lake in `folder`; gives what the demo printed last. */
  static async make(folder: string): Promise<{ readonly lake: KeptLake; readonly lastLine: string }> {
    const printed = await output(process.execPath, [demoProgram, '--keep', folder])
    return { lake: new KeptLake(folder), lastLine: printed.trimEnd().split('\n').at(-1) ?? '' }
  }

  /** Every table of the catalog by its dotted name. */
  async tables(): Promise<ReadonlyMap<string, TableHandle>> {
    const io = new LocalFileIO()
    await using catalog = await SqlCatalog.openSqlite({
      name: this.catalogName,
      path: this.catalogFile,
      warehouse: this.folder,
      io,
      environment: systemEnvironment,
    })
    const tables = new Map<string, TableHandle>()
    for (const namespace of await catalog.listNamespaces()) {
      for (const identifier of await catalog.listTables(namespace)) {
        tables.set([...identifier.namespace, identifier.name].join('.'), await openTable(catalog, identifier, io))
      }
    }
    return tables
  }

  /** The rows of a table at a snapshot, as `icebridge scan` prints them. */
  async scan(table: string, snapshotId: bigint): Promise<readonly JsonRow[]> {
    const args = [icebridgeProgram, 'scan', table, '--catalog', this.catalogFile, '--snapshot-id', String(snapshotId)]
    const lines = (await output(process.execPath, args)).split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as JsonRow) // each line is one object, as scan promises
  }
}
