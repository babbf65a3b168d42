import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchOfRows, batchRows, type PlainValue } from '@icebridge/columnar/testing'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { append, openTable, planScan, rowDelta, type SnapshotOutcome, type TableHandle } from '@icebridge/iceberg-core'
import {
  columnFieldsOf,
  EqualityDeleteWriter,
  IcebergAppender,
  IcebergReader,
  writeDeletionVectors,
  writePositionDeletes,
} from '@icebridge/iceberg-io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'

const python = await findPython()
if ('missing' in python) console.warn(`the checks of row-level deletes are skipped: ${python.missing}`)

const options = { environment: systemEnvironment }
const io = new LocalFileIO()

/** Ids of the rows by snapshot, as one reader finds them. */
type IdsBySnapshot = Readonly<Record<string, readonly number[]>>

let folder: string
let catalog: SqlCatalog
const tables = new Map<string, TableHandle>()

beforeAll(async () => {
  if ('missing' in python) return
  folder = await mkdtemp(join(tmpdir(), 'icebridge-deletes-'))
  catalog = await SqlCatalog.openSqlite({
    name: 'lake',
    path: join(folder, 'catalog.db'),
    warehouse: join(folder, 'warehouse'),
    io,
    ...options,
  })
  await catalog.createNamespace(['db'])
  tables.set('positions', await withPositions('positions', 2))
  tables.set('vectors', await withPositions('vectors', 3))
  tables.set('keys', await withKeys())
}, 60_000)

afterAll(async () => {
  if (folder === undefined) return
  await catalog[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

describe('rows that we delete', () => {
  test.for([
    ['pyiceberg', 'positions'] as const,
    ['pyiceberg', 'vectors'],
    ['duckdb', 'positions'],
    ['duckdb', 'vectors'],
    // PyIceberg 0.12 refuses tables with equality deletes.
    ['duckdb', 'keys'],
  ])('are gone to %s at every snapshot: %s', { timeout: 60_000 }, async ([engine, name], context) => {
    if ('missing' in python) return context.skip(python.missing)
    const table = tables.get(name)
    if (table === undefined) throw new TypeError(`${name} was made`)
    const script = join(root, 'checks/interop/deletes_check.py')
    const printed = await output(python.path, [script, engine, table.loaded.metadataLocation])
    const [theirs] = JSON.parse(printed) as readonly IdsBySnapshot[]
    const ours = await idsOf(table)
    expect(new Set(Object.values(ours).map((ids) => ids.length)).size).toBeGreaterThan(2)
    expect(theirs).toEqual(ours)
  })
})

async function newTable(name: string, formatVersion: 2 | 3): Promise<TableHandle> {
  const identifier = { namespace: ['db'], name }
  await catalog.createTable(identifier, {
    formatVersion,
    schema: {
      schemaId: 0,
      identifierFieldIds: [],
      fields: [
        { id: 1, name: 'id', required: true, type: 'int' },
        { id: 2, name: 'shelf', required: false, type: 'string' },
        { id: 3, name: 'day', required: false, type: 'date' },
      ],
    },
    partitionSpec: {
      specId: 0,
      fields: [{ sourceIds: [2], fieldId: 1000, name: 'shelf', transform: { kind: 'identity' } }],
    },
  })
  return openTable(catalog, identifier, io)
}

async function grown(
  table: TableHandle,
  from: number,
  values: { readonly shelf: string | null; readonly day: number | null } = { shelf: null, day: null },
): Promise<TableHandle> {
  const appender = await IcebergAppender.open(table, { ...options, rowGroupRows: 40 })
  const rows = Array.from({ length: 300 }, (_, index): PlainValue[] => {
    const id = from + index
    return [id, ['a', 'b'][id % 3] ?? values.shelf, id % 7 === 0 ? values.day : id % 11]
  })
  await appender.write(batchOfRows(columnFieldsOf(appender.schema), rows))
  return committed(await append(table, { files: await appender.finish() }, options))
}

/** Position deletes in version 2, deletion vectors in version 3, the second ones on top of the first. */
async function withPositions(name: string, formatVersion: 2 | 3): Promise<TableHandle> {
  let table = await grown(await newTable(name, formatVersion), 0)
  table = await grown(table, 300)
  for (const [index, step] of [3, 1, 2].entries()) {
    const deletes = []
    for await (const task of planScan(table)) {
      const count = Number(task.file.recordCount)
      const rows = step === 1 ? [40, 41, 42, 43, 44, 45, 46, 47, 48, 49] : [...Array(count).keys()]
      const positions = rows.filter((row) => row % step === 0)
      // The last round leaves a file out.
      if (index < 2 || deletes.length < 4) deletes.push({ file: task.file, positions, previous: task.deletes })
    }
    const granularity = index === 0 ? 'file' : 'partition'
    const change =
      formatVersion === 3
        ? await writeDeletionVectors(table, deletes, options)
        : { addDeletes: await writePositionDeletes(table, deletes, { ...options, granularity }) }
    table = committed(await rowDelta(table, change, options))
  }
  return table
}

/**
 * Only what DuckDB 1.5.5 reads: it ends with an internal error on a null key, deletes rows whose value is null, and applies
 * the deletes of one partition to all.
 */
async function withKeys(): Promise<TableHandle> {
  let table = await grown(await newTable('keys', 2), 0, { shelf: 'c', day: 20 })
  for (const [columns, keys] of [
    [
      ['id'],
      [
        [3, 'a', 3],
        [4, 'b', 4],
        [299, 'c', 0],
      ],
    ],
    [
      ['day'],
      [
        [0, 'a', 3],
        [0, 'b', 3],
        [0, 'c', 3],
      ],
    ],
    [
      ['id', 'day'],
      [
        [9, 'a', 9],
        [12, 'a', 2],
        [22, 'b', 0],
      ],
    ],
  ] as const) {
    const writer = new EqualityDeleteWriter(table, { ...options, columns })
    await writer.write(batchOfRows(columnFieldsOf(currentFields(table)), keys))
    table = committed(await rowDelta(table, { addDeletes: await writer.finish() }, options))
  }
  return grown(table, 300, { shelf: 'c', day: 20 })
}

function currentFields(table: TableHandle): Parameters<typeof columnFieldsOf>[0] {
  const { schemas } = table.loaded.metadata
  const [schema] = schemas
  if (schema === undefined) throw new TypeError('a table has a schema')
  // Keys are given whole; what is not compared is only for the partition.
  return { fields: schema.fields.map((field) => ({ ...field, required: field.id === 1 })) }
}

async function idsOf(table: TableHandle): Promise<IdsBySnapshot> {
  const found: Record<string, number[]> = {}
  for (const { snapshotId } of table.loaded.metadata.snapshots) {
    const ids: number[] = []
    for await (const batch of new IcebergReader(table).scan({ snapshotId, columns: ['id'] })) {
      ids.push(...batchRows(batch).map(([id]) => Number(id)))
    }
    found[String(snapshotId)] = ids.toSorted((a, b) => a - b)
  }
  return found
}

function committed(outcome: SnapshotOutcome): TableHandle {
  if (outcome.status !== 'committed') throw new Error(`the commit is ${outcome.status}`)
  return outcome.table
}
