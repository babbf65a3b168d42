import { batchOfRows, type PlainValue } from '@icebridge/columnar/testing'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import {
  append,
  openTable,
  type DataFile,
  type NestedField,
  type PartitionField,
  type TableHandle,
  type Transform,
} from '@icebridge/iceberg-core'
import { columnFieldsOf, IcebergAppender } from '@icebridge/iceberg-io'
import type { RecordBatch } from 'apache-arrow'

/** Values as {@link batchOfRows} takes them: structs are arrays in field order, maps lists of pairs, bytes hex. */
export type Row = readonly PlainValue[]

export interface NewTable {
  readonly fields: readonly NestedField[]
  /** Column, transform and, unless it is `<column>_<transform>`, name. */
  readonly partition?: readonly (readonly [column: string, transform: Transform, name?: string])[]
  readonly properties?: Readonly<Record<string, string>>
  readonly formatVersion?: 2 | 3
  readonly identifierFieldIds?: readonly number[]
}

/** Tables in a folder, written with our own packages. */
export class WrittenLake implements AsyncDisposable {
  readonly folder: string
  readonly #io = new LocalFileIO()
  readonly #catalog: SqlCatalog

  private constructor(folder: string, catalog: SqlCatalog) {
    this.folder = folder
    this.#catalog = catalog
  }

  static async make(folder: string): Promise<WrittenLake> {
    const path = `${folder}/catalog.db`
    const io = new LocalFileIO()
    const environment = systemEnvironment
    const catalog = await SqlCatalog.openSqlite({ name: 'written', path, warehouse: folder, io, environment })
    await catalog.createNamespace(['t'])
    return new WrittenLake(folder, catalog)
  }

  async create(name: string, table: NewTable): Promise<TableHandle> {
    const identifier = { namespace: ['t'], name }
    const fields = (table.partition ?? []).map(([column, transform, given], index): PartitionField => {
      const source = table.fields.find((field) => field.name === column)
      if (source === undefined) throw new TypeError(`${name} has no column ${column}`)
      return {
        sourceIds: [source.id],
        fieldId: 1000 + index,
        name: given ?? (transform.kind === 'identity' ? column : `${column}_${transform.kind}`),
        transform,
      }
    })
    await this.#catalog.createTable(identifier, {
      schema: { schemaId: 0, fields: table.fields, identifierFieldIds: table.identifierFieldIds ?? [] },
      partitionSpec: { specId: 0, fields },
      properties: table.properties,
      formatVersion: table.formatVersion,
    })
    return await openTable(this.#catalog, identifier, this.#io)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#catalog[Symbol.asyncDispose]()
  }
}

/** A batch of the table's present columns, or of those named. */
export function batchFor(table: TableHandle, rows: readonly Row[], columns?: readonly string[]): RecordBatch {
  const { metadata } = table.loaded
  const schema = metadata.schemas.find(({ schemaId }) => schemaId === metadata.currentSchemaId)
  if (schema === undefined) throw new TypeError('a table has a current schema')
  const fields = columnFieldsOf(schema)
  const chosen = columns?.map((name) => fields.find((field) => field.name === name) ?? missing(name))
  return batchOfRows(chosen ?? fields, rows)
}

/** Data files that belong to no snapshot yet. */
export async function filesOf(table: TableHandle, rows: readonly Row[]): Promise<readonly DataFile[]> {
  const appender = await IcebergAppender.open(table, { environment: systemEnvironment })
  await appender.write(batchFor(table, rows))
  return await appender.finish()
}

/** The table after one append of the rows. */
export async function appended(table: TableHandle, rows: readonly Row[]): Promise<TableHandle> {
  return committed(await append(table, { files: await filesOf(table, rows) }, { environment: systemEnvironment }))
}

export function committed(outcome: { readonly status: string; readonly table?: TableHandle }): TableHandle {
  if (outcome.status === 'committed' && outcome.table !== undefined) return outcome.table
  throw new Error(`the commit is ${outcome.status}`)
}

function missing(name: string): never {
  throw new TypeError(`no column ${name}`)
}
