import { IcebergError, isIcebergError } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../exit-codes.ts'
import { ndjsonLines } from '../ndjson.ts'
import { openScanned, type TableLocation } from '../scanned-table.ts'
import { UsageError } from '../usage-error.ts'

export interface ScanOptions extends TableLocation {
  readonly snapshotId?: bigint
  /** Milliseconds since 1970. */
  readonly asOf?: number
  readonly columns?: readonly string[]
  readonly limit?: number
}

/** Prints the rows of any Iceberg table as NDJSON. */
export async function scan(context: CommandContext, location: string, options: ScanOptions): Promise<number> {
  if (options.snapshotId !== undefined && options.asOf !== undefined) {
    throw new UsageError('Give either --snapshot-id or --as-of.')
  }
  try {
    return await printRows(context, location, options)
  } catch (error) {
    if (!isIcebergError(error, 'not-found')) throw error
    throw new IcebergError('not-found', error.message, {
      context: error.context,
      hint: 'If the table has moved, say where its files are now: --map-prefix FROM=TO.',
      cause: error,
    })
  }
}

async function printRows(context: CommandContext, location: string, options: ScanOptions): Promise<number> {
  await using opened = await openScanned(location, options, context.signal)
  const { snapshotId, asOf, columns, limit } = options
  const batches = new IcebergReader(opened.table).scan({
    ...(snapshotId === undefined ? {} : { snapshotId }),
    ...(asOf === undefined ? {} : { asOf }),
    ...(columns === undefined ? {} : { columns }),
    ...(limit === undefined ? {} : { limit }),
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
