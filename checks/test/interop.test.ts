import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentSchema, formatTransform, formatType, specById, type TableHandle } from '@icebridge/iceberg-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aggregate, type Aggregates, type JsonRow } from '../src/aggregates.ts'
import { KeptLake } from './kept-lake.ts'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'

/** What interop/pyiceberg_check.py prints of a table. */
interface PyIcebergTable {
  readonly snapshots: readonly { readonly id: string; readonly rows: readonly JsonRow[] }[]
}

const python = await findPython()
if ('missing' in python) console.warn(`interop checks are skipped: ${python.missing}`)

let lake: KeptLake
let lastLine: string
let tables: ReadonlyMap<string, TableHandle>
/** Our rows by table and snapshot id. */
const ours = new Map<string, ReadonlyMap<string, readonly JsonRow[]>>()

beforeAll(async () => {
  if ('missing' in python) return
  const made = await KeptLake.make(await mkdtemp(join(tmpdir(), 'icebridge-interop-')))
  lake = made.lake
  lastLine = made.lastLine
  tables = await lake.tables()
  for (const [name, table] of tables) {
    const bySnapshot = new Map<string, readonly JsonRow[]>()
    for (const { snapshotId } of table.loaded.metadata.snapshots) {
      bySnapshot.set(String(snapshotId), inOrder(await lake.scan(name, snapshotId)))
    }
    ours.set(name, bySnapshot)
  }
}, 300_000)

afterAll(async () => {
  if (lake !== undefined) await rm(lake.folder, { recursive: true, force: true })
})

describe('the lake that the demo keeps', () => {
  test('holds the journals of three tables, one of them with its two snapshots', (context) => {
    if ('missing' in python) return context.skip(python.missing)
    expect(lastLine).toBe('source 1100 · journal 1150 · target 1100 · verified')
    expect([...tables.keys()].sort()).toEqual([
      'shop_sales.Customers__changes',
      'shop_sales.Order%20Lines__changes',
      'shop_sales.Orders__changes',
    ])
    const orders = [...(ours.get('shop_sales.Orders__changes')?.values() ?? [])]
    expect(orders.map((rows) => rows.length)).toEqual([1000, 1150])
  })

  test('is the same to PyIceberg: schemas, field ids, docs, partitions, snapshots and every value', async (context) => {
    if ('missing' in python) return context.skip(python.missing)
    const script = join(root, 'checks/interop/pyiceberg_check.py')
    const printed = await output(python.path, [script, lake.catalogFile, lake.catalogName, lake.folder])
    const theirs: Readonly<Record<string, PyIcebergTable>> = JSON.parse(printed)
    expect(Object.keys(theirs).sort()).toEqual([...tables.keys()].sort())
    for (const [name, table] of tables) {
      expect({ name, ...withoutRows(theirs[name]) }).toEqual({ name, ...describeTable(table) })
      const { snapshots } = theirs[name] ?? { snapshots: [] }
      for (const { id, rows } of snapshots) {
        const expected = ours.get(name)?.get(id)
        expect(expected).not.toEqual([])
        expect({ name, id, rows: inOrder(rows) }).toEqual({ name, id, rows: expected })
      }
    }
  }, 300_000)

  test("has the same counts and exact sums in DuckDB's Iceberg extension, at every snapshot", async (context) => {
    if ('missing' in python) return context.skip(python.missing)
    const script = join(root, 'checks/interop/duckdb_check.py')
    for (const [name, table] of tables) {
      const { metadata, metadataLocation } = table.loaded
      const ids = metadata.snapshots.map(({ snapshotId }) => String(snapshotId))
      const theirs: Readonly<Record<string, Aggregates>> = JSON.parse(
        await output(python.path, [script, metadataLocation, ...ids]),
      )
      const types = new Map(currentSchema(metadata).fields.map((field) => [field.name, formatType(field.type)]))
      const expected = ids.map((id) => [id, aggregate(ours.get(name)?.get(id) ?? [], types)] as const)
      expect(expected).not.toEqual([])
      expect({ name, ...theirs }).toEqual({ name, ...Object.fromEntries(expected) })
    }
  }, 300_000)
})

function withoutRows(table: PyIcebergTable | undefined) {
  return { ...table, snapshots: table?.snapshots.map((snapshot) => ({ ...snapshot, rows: undefined })) }
}

/** A table's metadata as interop/pyiceberg_check.py prints it. */
function describeTable({ loaded: { metadata } }: TableHandle) {
  return {
    uuid: metadata.tableUuid,
    formatVersion: metadata.formatVersion,
    location: metadata.location,
    properties: metadata.properties,
    schema: currentSchema(metadata).fields.map((field) => ({
      id: field.id,
      name: field.name,
      type: formatType(field.type).replaceAll(' ', ''),
      required: field.required,
      doc: field.doc ?? null,
    })),
    partitionFields: specById(metadata, metadata.defaultSpecId)?.fields.map((field) => ({
      sourceId: field.sourceIds[0],
      fieldId: field.fieldId,
      name: field.name,
      transform: formatTransform(field.transform),
    })),
    currentSnapshotId: String(metadata.currentSnapshotId),
    snapshots: metadata.snapshots.map((snapshot) => ({
      id: String(snapshot.snapshotId),
      parentId: snapshot.parentSnapshotId === undefined ? null : String(snapshot.parentSnapshotId),
      sequenceNumber: Number(snapshot.sequenceNumber),
      timestampMs: snapshot.timestampMs,
      operation: snapshot.operation,
      summary: Object.fromEntries(Object.entries(snapshot.summary).filter(([key]) => key !== 'operation')),
    })),
  }
}

/** By `_sync_seq`, the journal's one order. */
function inOrder(rows: readonly JsonRow[]): readonly JsonRow[] {
  return [...rows].sort((a, b) => Number(BigInt(String(a['_sync_seq'])) - BigInt(String(b['_sync_seq']))))
}
