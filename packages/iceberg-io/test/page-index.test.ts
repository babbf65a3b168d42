import { batchOfRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import type { NestedField } from '@icebridge/iceberg-core'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, writeParquet } from '@icebridge/iceberg-io'
import { parquetMetadata, type ColumnChunk, type FileMetaData } from 'hyparquet'
import { sbbfContains } from 'hyparquet-writer/src/bloom.js'
import { hashParquetValue } from 'hyparquet/src/bloom.js'
import { readColumnIndex, readOffsetIndex } from 'hyparquet/src/indexes.js'
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js'
import { describe, expect, it } from 'vitest'
import { fieldsOf, nestedFields, schemaOf } from './written.ts'

interface Written {
  readonly bytes: Uint8Array
  readonly metadata: FileMetaData
}

async function written(
  fields: readonly NestedField[],
  rows: readonly PlainValue[][],
  properties: Record<string, string> = {},
): Promise<Written> {
  const io = new InMemoryFileIO()
  const batch = batchOfRows(columnFieldsOf(schemaOf(fields)), rows)
  await writeParquet(io, '/f', [batch], { schema: schemaOf(fields), properties, rowGroupRows: 1000 })
  const bytes = new Uint8Array(io.files.get('/f')!)
  return { bytes, metadata: parquetMetadata(bytes.buffer) }
}

function reader(bytes: Uint8Array, offset: bigint | undefined, length: number | undefined) {
  if (offset === undefined || length === undefined) throw new Error('the chunk has no index')
  return { view: new DataView(bytes.buffer, Number(offset), length), offset: 0 }
}

/** The entries of both indexes, page by page. */
function pagesOf({ bytes, metadata }: Written, group: number, path: string) {
  const chunk = chunkOf(metadata, group, path)
  const element = { ...metadata.schema.find(({ name }) => name === path.split('.').at(-1))! }
  // Raw bounds: as DuckDB and others compare them, not as dates.
  if (element.type !== 'BYTE_ARRAY') {
    delete element.converted_type
    delete element.logical_type
  }
  const places = readOffsetIndex(reader(bytes, chunk.offset_index_offset, chunk.offset_index_length)).page_locations
  const index = readColumnIndex(reader(bytes, chunk.column_index_offset, chunk.column_index_length), element, {
    // Of a string its text, of a binary its bytes.
    stringFromBytes: (raw: Uint8Array) => (element.converted_type === 'UTF8' ? new TextDecoder().decode(raw) : raw),
  })
  return {
    order: index.boundary_order,
    pages: places.map((place, page) => ({
      firstRow: Number(place.first_row_index),
      offset: Number(place.offset),
      end: Number(place.offset) + place.compressed_page_size,
      isNull: index.null_pages[page],
      min: index.min_values[page],
      max: index.max_values[page],
      nulls: Number(index.null_counts?.[page]),
    })),
  }
}

function chunkOf(metadata: FileMetaData, group: number, path: string): ColumnChunk {
  const found = metadata.row_groups[group]?.columns.find(
    (column) => column.meta_data?.path_in_schema.join('.') === path,
  )
  if (found === undefined) throw new Error(`there is no column ${path}`)
  return found
}

describe('page index', { timeout: 60_000 }, () => {
  it('says where each page starts, and holds the bounds and nulls of its rows', async () => {
    const fields = fieldsOf({ up: 'long', text: 'string', day: 'date', gaps: 'int' })
    const random = seededRandom(7)
    const rows = Array.from({ length: 2500 }, (_, row): PlainValue[] => [
      BigInt(row) - 700n,
      random() < 0.1 ? null : `v${Math.floor(random() * 50)}`,
      Math.floor(random() * 10_000) - 5000,
      row % 1000 < 300 ? null : row,
    ])
    const file = await written(fields, rows, { 'write.parquet.page-row-limit': '100' })
    expect(file.metadata.row_groups).toHaveLength(3)
    for (const [column, name] of ['up', 'text', 'day', 'gaps'].entries()) {
      for (let group = 0; group < 3; group++) {
        const { pages } = pagesOf(file, group, name)
        expect(pages).toHaveLength(group === 2 ? 5 : 10)
        for (const [at, page] of pages.entries()) {
          const start = group * 1000 + page.firstRow
          const values = rows.slice(start, start + 100).map((row) => row[column]!)
          const present = values.filter((value) => value !== null).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
          expect(page.firstRow).toBe(at * 100)
          expect(page.nulls).toBe(values.length - present.length)
          expect(page.isNull).toBe(present.length === 0)
          if (present.length > 0) expect([page.min, page.max]).toEqual([present[0], present.at(-1)])
          // A page follows the one before, and begins with a data page's header: field 1 is the type 0.
          if (at > 0) expect(page.offset).toBe(pages[at - 1]!.end)
          expect([...file.bytes.subarray(page.offset, page.offset + 2)]).toEqual([0x15, 0])
        }
      }
    }
    expect(pagesOf(file, 0, 'up').order).toBe('ASCENDING')
    expect(pagesOf(file, 0, 'gaps').order).toBe('ASCENDING')
    expect(pagesOf(file, 0, 'text').order).toBe('UNORDERED')
  })

  it('cuts long bounds at code points and rounds the upper one up', async () => {
    const long = '\u{1f9ca}'.repeat(100)
    const file = await written(fieldsOf({ s: 'string', b: 'binary', top: 'binary' }), [
      [long, 'ab'.repeat(100), 'ff'.repeat(100)],
    ])
    const [text] = pagesOf(file, 0, 's').pages
    expect([text!.min, text!.max]).toEqual(['\u{1f9ca}'.repeat(64), `${'\u{1f9ca}'.repeat(63)}\u{1f9cb}`])
    const [bytes] = pagesOf(file, 0, 'b').pages
    expect(Buffer.from(bytes!.min as Uint8Array).toString('hex')).toBe('ab'.repeat(64))
    expect(Buffer.from(bytes!.max as Uint8Array).toString('hex')).toBe(`${'ab'.repeat(63)}ac`)
    const [top] = pagesOf(file, 0, 'top').pages
    expect(Buffer.from(top!.max as Uint8Array).toString('hex')).toBe('ff'.repeat(100))
  })

  it('has no bounds for a chunk in which a page holds only NaN, and still says where its pages are', async () => {
    const rows = Array.from({ length: 200 }, (_, row): PlainValue[] => [row < 100 ? Number.NaN : row])
    const file = await written(fieldsOf({ d: 'double' }), rows, { 'write.parquet.page-row-limit': '100' })
    const chunk = chunkOf(file.metadata, 0, 'd')
    expect(chunk.column_index_offset).toBeUndefined()
    expect(
      readOffsetIndex(reader(file.bytes, chunk.offset_index_offset, chunk.offset_index_length)).page_locations,
    ).toHaveLength(2)
  })

  it('counts rows, not elements, where a list repeats', async () => {
    const lists = nestedFields.filter(({ name }) => name === 'n_list')
    const rows = Array.from({ length: 6000 }, (_, row): PlainValue[] => [[`a${row}`, null, `b${row}`]])
    const io = new InMemoryFileIO()
    const batch = batchOfRows(columnFieldsOf(schemaOf(lists)), rows)
    await writeParquet(io, '/f', [batch], {
      schema: schemaOf(lists),
      properties: { 'write.parquet.page-row-limit': '4096' },
    })
    const bytes = new Uint8Array(io.files.get('/f')!)
    const { pages } = pagesOf({ bytes, metadata: parquetMetadata(bytes.buffer) }, 0, 'n_list.list.element')
    expect(pages.map(({ firstRow, nulls }) => [firstRow, nulls])).toEqual([
      [0, 4096],
      [4096, 1904],
    ])
  })
})

describe('bloom filters', { timeout: 60_000 }, () => {
  it('find every value of the columns that the table asks for, and few others', async () => {
    const fields = fieldsOf({ id: 'long', name: 'string', status: 'string', other: 'long' })
    const rows = Array.from({ length: 1000 }, (_, row): PlainValue[] => [
      BigInt(row) * 3n,
      row % 7 === 0 ? null : `name ${row}`,
      `s${row % 5}`,
      1n,
    ])
    const file = await written(fields, rows, {
      'write.parquet.bloom-filter-enabled.column.id': 'true',
      'write.parquet.bloom-filter-enabled.column.name': 'true',
      'write.parquet.bloom-filter-enabled.column.status': 'true',
      'write.parquet.bloom-filter-enabled.column.dropped': 'true',
      'write.parquet.bloom-filter-fpp.column.id': '0.001',
    })
    const has = (name: string, value: bigint | string): boolean => {
      const { meta_data } = chunkOf(file.metadata, 0, name)
      const filter = reader(file.bytes, meta_data!.bloom_filter_offset, meta_data!.bloom_filter_length)
      const header = deserializeTCompactProtocol(filter)
      const start = filter.view.byteOffset + filter.offset
      const blocks = new Uint32Array(file.bytes.slice(start, start + Number(header['field_1'])).buffer)
      const type = typeof value === 'bigint' ? 'INT64' : 'BYTE_ARRAY'
      return sbbfContains(blocks, hashParquetValue(value, { name, type })!)
    }
    for (const [id, name, status] of rows) {
      expect(has('id', id as bigint)).toBe(true)
      if (name !== null) expect(has('name', name as string)).toBe(true)
      expect(has('status', status as string)).toBe(true)
    }
    const wrong = Array.from({ length: 1000 }, (_, row) => has('id', BigInt(row) * 3n + 1n)).filter(Boolean).length
    expect(wrong).toBeLessThan(10)
    expect(chunkOf(file.metadata, 0, 'other').meta_data?.bloom_filter_offset).toBeUndefined()
  })

  it('are left out where integers fill half of their range', async () => {
    const fields = fieldsOf({ id: 'long', even: 'int', third: 'long' })
    const rows = Array.from({ length: 1000 }, (_, row): PlainValue[] => [BigInt(row), row * 2, BigInt(row) * 3n])
    const enabled = fields.map(({ name }) => [`write.parquet.bloom-filter-enabled.column.${name}`, 'true'] as const)
    const file = await written(fields, rows, Object.fromEntries(enabled))
    const has = fields.map(({ name }) => chunkOf(file.metadata, 0, name).meta_data?.bloom_filter_offset !== undefined)
    expect(has).toEqual([false, false, true])
  })
})
