import {
  ancestorsOf,
  currentSchema,
  currentSnapshot,
  formatType,
  partitionTypes,
  planScan,
  singleValueToJson,
  specById,
  type DataFile,
  type JsonValue,
  type Snapshot,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import { journalSummary, type Journal, type JournalHead } from '@icebridge/journal'
import type { CommandContext } from '../command-context.ts'
import { Composition, type ConfiguredTable } from '../compose.ts'
import { loadConfig } from '../config/load.ts'
import { exitCodes } from '../exit-codes.ts'
import { printFailure, printResult, textTable } from '../output.ts'
import type { ConfiguredOptions } from './status.ts'

/**
 * Shows a table's journal: head, schema, snapshots and live files. Asks the lake only. A head or file list that cannot be
 * told is reported, and the rest shown all the same; the exit code is 1 then.
 */
export async function inspect(context: CommandContext, wanted: string, options: ConfiguredOptions): Promise<number> {
  await using composition = new Composition(loadConfig(options.config, context.env), context.signal)
  const tables = await composition.tables([wanted], { targets: false, offline: true })
  // Entries that differ only in their target share a journal.
  const journals = new Map(tables.map((table) => [JSON.stringify([table.source, table.sync.table]), table]))
  let failed = 0
  for (const table of journals.values()) {
    const { schema, name } = table.sync.table
    if (!(await inspectTable(context, table, `${table.source}.${schema}.${name}`))) failed += 1
  }
  return failed === 0 ? exitCodes.ok : exitCodes.failed
}

async function inspectTable(context: CommandContext, table: ConfiguredTable, label: string): Promise<boolean> {
  const { output, signal } = context
  let failures = 0
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      printFailure(output, { label }, error)
      failures += 1
      return undefined
    }
  }
  const journal = await attempt(async () => {
    const opened = await table.journal()
    if (opened === undefined) throw new NoJournal(label)
    return opened
  })
  if (journal === undefined) return false
  const head = await attempt(() => journal.head({ signal }))
  const files = await attempt(() => countFiles(context, journal, label))
  const { metadata, metadataLocation } = journal.table.loaded
  const found = {
    label,
    journal: journal.label,
    location: metadata.location,
    metadataLocation,
    tableUuid: metadata.tableUuid,
    formatVersion: metadata.formatVersion,
    head: head === undefined ? undefined : describeHead(head),
    schema: {
      schemaId: metadata.currentSchemaId,
      fields: currentSchema(metadata).fields.map(({ id, name, type, required, doc }) => ({
        id,
        name,
        type: formatType(type),
        required,
        ...(doc === undefined ? {} : { doc }),
      })),
    },
    snapshots: describeSnapshots(metadata),
    files,
  }
  printResult(output, 'inspect', found, text(found))
  return failures === 0
}

class NoJournal extends Error {
  readonly code = 'no-journal'
  readonly hint = 'Run `icebridge run` first. Upper and lower case count in the lake.'

  constructor(label: string) {
    super(`${label} has no journal in the lake yet`)
  }
}

function describeHead(head: JournalHead) {
  const { strategy, watermark, sequence, snapshotId, lastCommitAtMs, firstLoad } = head
  return { strategy, watermark, sequence, snapshotId, committedAtMs: lastCommitAtMs, firstLoad }
}

function describeSnapshots(metadata: TableMetadata) {
  const current = currentSnapshot(metadata)
  const history = new Set(current === undefined ? [] : ancestorsOf(metadata, current.snapshotId).map(idOf))
  return [...metadata.snapshots]
    .sort((a, b) => b.timestampMs - a.timestampMs || Number(b.sequenceNumber - a.sequenceNumber))
    .map((snapshot) => ({
      snapshotId: snapshot.snapshotId,
      parentSnapshotId: snapshot.parentSnapshotId,
      timestampMs: snapshot.timestampMs,
      operation: snapshot.operation,
      addedRows: BigInt(snapshot.summary['added-records'] ?? 0),
      mode: snapshot.summary[journalSummary.mode],
      watermark: snapshot.summary[journalSummary.watermark],
      /** False for a snapshot that a rollback or a branch took out of the table's history. */
      inHistory: history.has(snapshot.snapshotId),
    }))
}

function idOf(snapshot: Snapshot): bigint {
  return snapshot.snapshotId
}

/** Counts the live files and, for `--json`, prints each as it is planned. */
async function countFiles(context: CommandContext, journal: Journal, label: string) {
  const { metadata } = journal.table.loaded
  let count = 0
  let rows = 0n
  let sizeBytes = 0n
  for await (const { file, sequenceNumber } of planScan(journal.table, { signal: context.signal })) {
    count += 1
    rows += file.recordCount
    sizeBytes += file.fileSizeBytes
    if (!context.output.json) continue
    const described = {
      label,
      path: file.filePath,
      format: file.fileFormat,
      rows: file.recordCount,
      sizeBytes: file.fileSizeBytes,
      sequenceNumber,
      partition: partitionJson(metadata, file),
    }
    printResult(context.output, 'file', described, '')
  }
  return { count, rows, sizeBytes }
}

function partitionJson(metadata: TableMetadata, file: DataFile): Readonly<Record<string, JsonValue>> {
  const spec = specById(metadata, file.specId)
  if (spec === undefined) return {}
  const types = partitionTypes(metadata, spec)
  return Object.fromEntries(
    spec.fields.map(({ name }, index) => {
      const type = types[index]
      return [name, type === undefined ? null : singleValueToJson(type, file.partition[index] ?? null)]
    }),
  )
}

interface Inspected {
  readonly label: string
  readonly journal: string
  readonly location: string
  readonly tableUuid: string
  readonly formatVersion: number
  readonly head: ReturnType<typeof describeHead> | undefined
  readonly schema: {
    readonly schemaId: number
    readonly fields: readonly {
      readonly id: number
      readonly name: string
      readonly type: string
      readonly required: boolean
      readonly doc?: string
    }[]
  }
  readonly snapshots: ReturnType<typeof describeSnapshots>
  readonly files: { readonly count: number; readonly rows: bigint; readonly sizeBytes: bigint } | undefined
}

function text({
  label,
  journal,
  location,
  tableUuid,
  formatVersion,
  head,
  schema,
  snapshots,
  files,
}: Inspected): string {
  const facts = [
    ['journal', journal],
    ['location', location],
    ['table uuid', tableUuid],
    ['format version', String(formatVersion)],
    ['strategy', head?.strategy ?? 'unknown'],
    ['watermark', head?.watermark ?? 'none yet'],
    ['sequence', head?.sequence.toString() ?? 'unknown'],
    ...(head?.firstLoad?.complete === false
      ? [['first load', `chunk ${head.firstLoad.chunk} of ${head.firstLoad.chunks}`]]
      : []),
    ['files', files === undefined ? 'unknown' : `${files.count}, ${files.rows} rows, ${files.sizeBytes} bytes`],
  ]
  const fields = schema.fields.map(({ id, name, type, required, doc }) => [
    `  ${id}`,
    name,
    required ? `${type} required` : type,
    doc ?? '',
  ])
  const commits = snapshots.map((snapshot) => [
    `  ${snapshot.snapshotId}`,
    new Date(snapshot.timestampMs).toISOString(),
    snapshot.mode === undefined ? snapshot.operation : `${snapshot.operation} (${snapshot.mode})`,
    snapshot.addedRows.toString(),
    `${snapshot.watermark ?? ''}${snapshot.inHistory ? '' : ' (not in the history)'}`,
  ])
  return [
    label,
    textTable(facts.map(([name, value]) => [`  ${name}`, value ?? ''])),
    `schema ${schema.schemaId}`,
    textTable([['  id', 'name', 'Iceberg', 'doc'], ...fields]),
    `snapshots (${snapshots.length}, newest first)`,
    textTable([['  id', 'committed', 'operation', 'rows added', 'watermark'], ...commits]),
  ].join('\n')
}
