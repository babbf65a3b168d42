import { existsSync } from 'node:fs'
import { fileIOFor } from '@icebridge/fileio'
import { openStaticTable, SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openTable, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../exit-codes.ts'
import { ndjsonLines } from '../ndjson.ts'
import { UsageError } from '../usage-error.ts'

export interface ScanOptions {
  readonly catalog?: string
  readonly catalogName?: string
  readonly snapshotId?: bigint
  /** Milliseconds since 1970. */
  readonly asOf?: number
  readonly columns?: readonly string[]
  readonly limit?: number
  readonly mapPrefix: readonly (readonly [from: string, to: string])[]
}

/** Prints the rows of any Iceberg table as NDJSON. */
export async function scan(context: CommandContext, location: string, options: ScanOptions): Promise<number> {
  if (options.snapshotId !== undefined && options.asOf !== undefined) {
    throw new UsageError('Give either --snapshot-id or --as-of.')
  }
  const mapPath = (path: string): string => {
    const moved = options.mapPrefix.find(([from]) => path.startsWith(from))
    return moved === undefined ? path : moved[1] + path.slice(moved[0].length)
  }
  await using opened = await open(location, options, mapPath)
  const { snapshotId, asOf, columns, limit } = options
  const batches = new IcebergReader(opened.table).scan({
    ...(snapshotId === undefined ? {} : { snapshotId }),
    ...(asOf === undefined ? {} : { asOf }),
    ...(columns === undefined ? {} : { columns }),
    ...(limit === undefined ? {} : { limit }),
    mapPath,
    signal: context.signal,
  })
  for await (const batch of batches) {
    let text = ''
    for (const line of ndjsonLines(batch)) {
      text += line
      if (text.length > 65_536) {
        await context.output.write(text)
        text = ''
      }
    }
    await context.output.write(text)
  }
  return exitCodes.ok
}

async function open(
  location: string,
  options: ScanOptions,
  mapPath: (path: string) => string,
): Promise<AsyncDisposable & { readonly table: TableHandle }> {
  if (options.catalog === undefined) {
    const table = await openStaticTable(location, fileIOFor(location, {}), { mapPath })
    return { table, [Symbol.asyncDispose]: async () => {} }
  }
  if (!existsSync(options.catalog)) throw new UsageError(`There is no catalog file ${options.catalog}.`)
  const parts = location.split('.')
  const name = parts.pop() ?? ''
  if (parts.length === 0) throw new UsageError(`Name the table with its namespace, e.g. erp_dbo.${name}.`)
  const catalog = await SqlCatalog.openSqlite({
    name: options.catalogName ?? 'icebridge',
    path: options.catalog,
    warehouse: '',
    io: fileIOFor,
    environment: systemEnvironment,
  })
  return {
    table: await openTable(catalog, { namespace: parts, name }, fileIOFor),
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  }
}
