import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatchBuilder } from '@icebridge/columnar'
import { isTemporaryFile, LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import {
  append,
  createBranch,
  createTag,
  currentSchema,
  defaultSortOrder,
  expireSnapshots,
  fastForward,
  formatTransform,
  formatType,
  type MetadataOutcome,
  openTable,
  removeOrphanFiles,
  removeRef,
  replaceBranch,
  rollbackTo,
  setCurrentSnapshot,
  type TableHandle,
  updateLocation,
  updatePartitionSpec,
  updateProperties,
  updateRefRetention,
  updateSchema,
  updateSortOrder,
  updateStatistics,
  upgradeFormatVersion,
} from '@icebridge/iceberg-core'
import { columnFieldsOf, IcebergAppender, IcebergReader } from '@icebridge/iceberg-io'
import { columnView } from '@icebridge/columnar'
import { describe, expect, test } from 'vitest'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'

const python = await findPython()
if ('missing' in python) console.warn(`the checks of changed tables are skipped: ${python.missing}`)

const environment = systemEnvironment
const options = { environment }
const io = new LocalFileIO()
const identifier = { namespace: ['db'], name: 'events' }

describe('a table that we change', () => {
  test('is the same to PyIceberg after every kind of change, with every row of every snapshot', async (context) => {
    if ('missing' in python) return context.skip(python.missing)
    const folder = await mkdtemp(join(tmpdir(), 'icebridge-changes-'))
    try {
      await using catalog = await SqlCatalog.openSqlite({
        name: 'lake',
        path: join(folder, 'catalog.db'),
        warehouse: join(folder, 'warehouse'),
        io,
        environment,
      })
      await catalog.createNamespace(identifier.namespace)
      await catalog.createTable(identifier, {
        schema: {
          schemaId: 0,
          identifierFieldIds: [],
          fields: [
            { id: 1, name: 'id', required: true, type: 'long' },
            { id: 2, name: 'at', required: false, type: 'timestamptz' },
            { id: 3, name: 'name', required: false, type: 'string' },
            { id: 4, name: 'n', required: false, type: 'int' },
          ],
        },
      })
      const table = (): Promise<TableHandle> => openTable(catalog, identifier, io)
      const expected: { readonly step: string; readonly file: string; readonly view: unknown }[] = []
      const compare = async (): Promise<void> => {
        const script = join(root, 'checks/interop/metadata_check.py')
        const files = expected.map(({ file }) => file)
        const theirs = JSON.parse(await output(python.path, [script, ...files])) as unknown[]
        expect(theirs).toHaveLength(expected.length)
        for (const [at, { step, view }] of expected.entries()) {
          expect({ step, view: theirs[at] }).toEqual({ step, view })
        }
        expected.length = 0
      }
      const note = async (step: string, outcome: Pick<MetadataOutcome, 'status'>): Promise<void> => {
        expect([step, outcome.status]).toEqual([step, 'committed'])
        const now = await table()
        expected.push({ step, file: now.loaded.metadataLocation, view: await viewOf(now) })
      }
      let nextId = 1n
      const grow = async (step: string): Promise<void> => {
        await note(step, await appendRows(await table(), [nextId++, nextId++]))
      }

      await grow('append')
      await note(
        'add columns',
        await updateSchema(
          await table(),
          {
            addColumns: [
              { name: 'price', type: { kind: 'decimal', precision: 9, scale: 2 }, doc: 'net' },
              {
                name: 'place',
                type: {
                  kind: 'struct',
                  fields: [
                    { id: 1, name: 'lat', required: false, type: 'float' },
                    { id: 2, name: 'lon', required: false, type: 'float' },
                  ],
                },
              },
              { name: 'tags', type: { kind: 'list', elementId: 0, elementRequired: false, element: 'int' } },
            ],
          },
          options,
        ),
      )
      await grow('append with more columns')
      await note(
        'rename, widen, drop, move, identify',
        await updateSchema(
          await table(),
          {
            renameColumns: [{ column: 'name', name: 'label' }],
            updateTypes: [
              { column: 'n', type: 'long' },
              { column: 'place.lat', type: 'double' },
              { column: 'tags.element', type: 'long' },
              { column: 'price', type: { kind: 'decimal', precision: 18, scale: 2 } },
            ],
            dropColumns: ['place.lon'],
            moveColumns: [
              { column: 'price', to: 'first' },
              { column: 'id', after: 'label' },
            ],
            identifierFields: ['id'],
          },
          options,
        ),
      )
      await note(
        'partition',
        await updatePartitionSpec(
          await table(),
          {
            addFields: [
              { column: 'at', transform: { kind: 'day' } },
              { column: 'id', transform: { kind: 'bucket', buckets: 4 } },
            ],
          },
          options,
        ),
      )
      await grow('append to partitions')
      await note(
        'partition otherwise',
        await updatePartitionSpec(
          await table(),
          {
            removeFields: ['at_day'],
            renameFields: [{ field: 'id_bucket_4', name: 'shard' }],
            addFields: [{ column: 'label', transform: { kind: 'truncate', width: 2 } }],
          },
          options,
        ),
      )
      await grow('append to other partitions')
      await note(
        'partition as before',
        await updatePartitionSpec(await table(), { removeFields: ['label_trunc_2'] }, options),
      )
      await note(
        'sort',
        await updateSortOrder(
          await table(),
          [
            { column: 'id', direction: 'desc' },
            { column: 'at', transform: { kind: 'day' } },
          ],
          options,
        ),
      )
      await note('properties', await updateProperties(await table(), { set: { a: '1', 'b c': 'ü"\\' } }, options))
      await note('properties again', await updateProperties(await table(), { set: { d: '2' }, remove: ['a'] }, options))
      const head = (await table()).loaded.metadata.currentSnapshotId ?? 0n
      const first = (await table()).loaded.metadata.snapshots[0]?.snapshotId ?? 0n
      await note(
        'tag',
        await createTag(await table(), { name: 'v1', at: { snapshotId: first }, maxRefAgeMs: 864_000_000n }, options),
      )
      await note(
        'branch',
        await createBranch(
          await table(),
          { name: 'dev', at: { ref: 'v1' }, minSnapshotsToKeep: 3, maxSnapshotAgeMs: 5n },
          options,
        ),
      )
      await note('retention', await updateRefRetention(await table(), { name: 'main', minSnapshotsToKeep: 1 }, options))
      await note('fast-forward', await fastForward(await table(), { branch: 'dev', to: { ref: 'main' } }, options))
      await note('roll back', await rollbackTo(await table(), { snapshotId: first }, options))
      await note('go forward', await setCurrentSnapshot(await table(), { snapshotId: head }, options))
      await note(
        'replace branch',
        await replaceBranch(await table(), { branch: 'dev', to: { snapshotId: first } }, options),
      )
      await note('remove branch', await removeRef(await table(), { name: 'dev' }, options))
      await note(
        'statistics',
        await updateStatistics(
          await table(),
          {
            set: [{ snapshotId: head, path: `${folder}/s.puffin`, fileSizeBytes: 10n, footerSizeBytes: 4n, blobs: [] }],
          },
          options,
        ),
      )
      await note(
        'location',
        await updateLocation(await table(), { location: join(folder, 'warehouse/db/moved') }, options),
      )
      await grow('append elsewhere')
      await note('upgrade', await upgradeFormatVersion(await table(), { formatVersion: 3 }, options))
      await compare()

      const expired = await expireSnapshots(
        await table(),
        { olderThanMs: Date.now() + 1000, removeUnusedMetadata: true },
        options,
      )
      await note('expire', expired)
      expect(expired.status === 'committed' ? expired.deleted.failures : 'not committed').toEqual([])
      await grow('append after the upgrade')
      const orphans = await removeOrphanFiles(
        await table(),
        { olderThanMs: Date.now() + 1000, isTemporary: isTemporaryFile },
        options,
      )
      expect(orphans).toMatchObject({ orphanCount: 0, failureCount: 0 })
      await note('remove orphans', { status: 'committed' })
      await compare()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }, 180_000)
})

/** Rows with ids, and nulls in all other columns. */
async function appendRows(table: TableHandle, ids: readonly bigint[]): Promise<Pick<MetadataOutcome, 'status'>> {
  await using appender = await IcebergAppender.open(table, options)
  const builder = new BatchBuilder(columnFieldsOf(appender.schema).filter((field) => field.name === 'id'))
  const [column] = builder.columns
  if (column?.kind !== 'int64') throw new Error('id is no long')
  for (const id of ids) column.append(id)
  await appender.write(builder.finish())
  return await append(table, { files: await appender.finish() }, options)
}

async function idsOf(table: TableHandle, snapshotId: bigint): Promise<number[]> {
  const ids: number[] = []
  for await (const batch of new IcebergReader(table).scan({ columns: ['id'], snapshotId })) {
    const view = columnView(batch, 0)
    if (view.kind !== 'int64') throw new Error('id is no long')
    for (let row = 0; row < view.length; row++) ids.push(Number(view.value(row)))
  }
  return ids.sort((a, b) => a - b)
}

/** What interop/metadata_check.py prints, by our own reading. */
async function viewOf(table: TableHandle): Promise<unknown> {
  const { metadata } = table.loaded
  const rows: Record<string, number[]> = {}
  for (const { snapshotId } of metadata.snapshots) rows[String(snapshotId)] = await idsOf(table, snapshotId)
  return {
    formatVersion: metadata.formatVersion,
    location: metadata.location,
    properties: metadata.properties,
    columns: currentSchema(metadata).fields.map(({ id, name, type, required, doc }) => ({
      id,
      name,
      type: pythonType(formatType(type)),
      required,
      doc: doc ?? null,
    })),
    identifiers: currentSchema(metadata).identifierFieldIds,
    lastColumnId: metadata.lastColumnId,
    schemas: metadata.schemas.map((schema) => schema.schemaId),
    specs: Object.fromEntries(
      metadata.partitionSpecs.map((spec) => [
        spec.specId,
        spec.fields.map((field) => [field.fieldId, field.sourceIds[0], field.name, formatTransform(field.transform)]),
      ]),
    ),
    defaultSpec: metadata.defaultSpecId,
    order: defaultSortOrder(metadata).fields.map((field) => [
      field.sourceIds[0],
      formatTransform(field.transform),
      field.direction,
      field.nullOrder,
    ]),
    refs: Object.fromEntries(
      Object.entries(metadata.refs).map(([name, ref]) => [
        name,
        [
          String(ref.snapshotId),
          ref.type,
          ref.minSnapshotsToKeep ?? null,
          ref.maxSnapshotAgeMs === undefined ? null : Number(ref.maxSnapshotAgeMs),
          ref.maxRefAgeMs === undefined ? null : Number(ref.maxRefAgeMs),
        ],
      ]),
    ),
    snapshots: metadata.snapshots.map((snapshot) => String(snapshot.snapshotId)),
    statistics: metadata.statistics.map((entry) => [String(entry['snapshot-id'] as bigint), entry['statistics-path']]),
    rows,
  }
}

/** PyIceberg says of nested fields whether they are optional. */
function pythonType(text: string): string {
  return text.replaceAll(' ', '').replace(/(struct<)?(\d+:\w+:)(?!optional)/g, '$1$2optional')
}
