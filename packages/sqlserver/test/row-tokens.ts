import { type BatchBuilder, type ColumnField, columnView } from '@icebridge/columnar'
import type { ReadColumn } from '@icebridge/sqlserver'
import type { Filled } from '../src/exact-values/column-decoder.ts'

/** The columns of {@link rows}, as the driver describes them. */
export const types = [
  { colName: 'i', type: { name: 'IntN' }, dataLength: 4 },
  { colName: 's', type: { name: 'NVarChar' }, dataLength: 100 },
  { colName: 'm', type: { name: 'NVarChar' }, dataLength: 0xffff },
  { colName: 'v', type: { name: 'VarChar' }, dataLength: 0xffff, collation: { codepage: 'CP1252' } },
]
export type Row = readonly [number | null, string | null, string | null, string | null]

export const fields: readonly ColumnField[] = [
  { name: 'i', type: { kind: 'int32' }, nullable: true },
  ...['s', 'm', 'v'].map((name): ColumnField => ({ name, type: { kind: 'string' }, nullable: true })),
]
const reads = fields.map((field): ReadColumn => ({
  name: field.name,
  role: 'value',
  field,
  expression: () => '',
}))

/** The columns of a builder, each filled by a result column of its own. */
export function filled(builder: BatchBuilder): readonly (readonly Filled[])[] {
  return builder.columns.map((column, index) => {
    const read = reads[index]
    if (read === undefined) throw new RangeError(`no column ${index}`)
    return [{ read, builder: column }]
  })
}

/** A row token; with a bitmap, as a server sends it that has many NULLs to send. */
export function token(row: readonly Row[number][], withBitmap: boolean): Buffer {
  const parts: Buffer[] = [
    withBitmap
      ? Buffer.of(
          0xd2,
          row.reduce<number>((bits, value, at) => bits | (value === null ? 1 << at : 0), 0),
        )
      : Buffer.of(0xd1),
  ]
  for (const [at, value] of row.entries()) {
    if (value === null) {
      if (!withBitmap)
        parts.push([Buffer.of(0), Buffer.of(0xff, 0xff), Buffer.alloc(8, 255), Buffer.alloc(8, 255)][at] ?? Buffer.of())
      continue
    }
    const bytes = typeof value === 'number' ? Buffer.alloc(4) : Buffer.from(value, at === 3 ? 'latin1' : 'utf16le')
    if (typeof value === 'number') bytes.writeInt32LE(value)
    if (at === 0) parts.push(Buffer.of(4), bytes)
    else if (at === 1) parts.push(uint(bytes.length, 2), bytes)
    else {
      const half = Math.min(bytes.length, 7)
      const chunks = [bytes.subarray(0, half), bytes.subarray(half)].filter(({ length }) => length > 0)
      parts.push(uint(bytes.length, 8), ...chunks.flatMap((chunk) => [uint(chunk.length, 4), chunk]), uint(0, 4))
    }
  }
  return Buffer.concat(parts)
}

export function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, Math.min(bytes, 6))
  return buffer
}

export const rows: readonly Row[] = Array.from({ length: 40 }, (_, at): Row => [
  at % 7 === 3 ? null : at * 1_000_003,
  at % 5 === 2 ? null : `täxt ${at} 😀`.repeat(at % 3),
  at % 4 === 1 ? null : `long ${at} ß😀`.repeat(at % 6),
  at % 6 === 5 ? null : `code page é ${at}`.repeat(at % 2),
])

/** The rows that a builder has, which begins anew. */
export function builtRows(builder: BatchBuilder): (number | string | null)[][] {
  const batch = builder.finish()
  const views = builder.fields.map((_, index) => columnView(batch, index))
  return Array.from({ length: batch.numRows }, (_, row) =>
    views.map((view) => {
      if (view.kind !== 'int32' && view.kind !== 'string') throw new TypeError(view.kind)
      return view.isNull(row) ? null : view.value(row)
    }),
  )
}
