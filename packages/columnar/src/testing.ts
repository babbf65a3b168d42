import type { RecordBatch } from 'apache-arrow'
import { BatchBuilder } from './batch-builder.ts'
import type { ColumnBuilder } from './column-builder.ts'
import type { ColumnField, ColumnType } from './column-type.ts'
import { type ColumnView, columnView } from './column-view.ts'

/** A value of a batch as plain JavaScript: structs are arrays in field order, maps arrays of pairs, bytes are hex. */
export type PlainValue = null | boolean | number | bigint | string | readonly PlainValue[]

/** A source of numbers in [0, 1) that gives the same ones for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** Every row of a batch as plain values, read through {@link columnView}. */
export function batchRows(batch: RecordBatch): PlainValue[][] {
  const views = batch.schema.fields.map((_, index) => columnView(batch, index))
  return Array.from({ length: batch.numRows }, (_, row) => views.map((view) => plainValue(view, row)))
}

/** One value of a view as a plain value. */
export function plainValue(view: ColumnView, row: number): PlainValue {
  if (view.isNull(row)) return null
  switch (view.kind) {
    case 'binary':
    case 'fixed':
    case 'uuid':
      return Buffer.from(view.value(row)).toString('hex')
    case 'struct':
      return view.fields.map((field) => plainValue(field, row))
    case 'list':
      return range(view.start(row), view.end(row)).map((at) => plainValue(view.element, at))
    case 'map':
      return range(view.start(row), view.end(row)).map((at) => [plainValue(view.key, at), plainValue(view.value, at)])
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
    case 'decimal':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
    case 'null':
    case 'string':
      return view.value(row)
  }
}

/** Appends a plain value, as {@link plainValue} gives it, to a builder of any kind. */
export function appendPlain(builder: ColumnBuilder, value: PlainValue): void {
  if (value === null) return builder.appendNull()
  switch (builder.kind) {
    case 'binary':
    case 'fixed':
    case 'uuid':
      return builder.append(Buffer.from(String(value), 'hex'))
    case 'struct':
      for (const [index, child] of builder.children.entries()) appendPlain(child, elements(value)[index] ?? null)
      return builder.append()
    case 'list':
      for (const element of elements(value)) appendPlain(builder.element, element)
      return builder.append()
    case 'map':
      for (const pair of elements(value)) {
        appendPlain(builder.key, elements(pair)[0] ?? null)
        appendPlain(builder.value, elements(pair)[1] ?? null)
      }
      return builder.append()
    case 'boolean':
      return builder.append(value === true)
    case 'int32':
    case 'date':
    case 'float32':
    case 'float64':
      return builder.append(Number(value))
    case 'int64':
    case 'decimal':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
      return builder.append(BigInt(value as bigint)) // these kinds have bigint plain values
    case 'string':
      return builder.append(String(value))
    case 'null':
      throw new TypeError(`the column ${builder.name} holds nothing but nulls`)
  }
}

/** A batch of plain rows. */
export function batchOfRows(fields: readonly ColumnField[], rows: readonly (readonly PlainValue[])[]): RecordBatch {
  const builder = new BatchBuilder(fields, { initialRows: 8 })
  for (const row of rows) {
    for (const [index, column] of builder.columns.entries()) appendPlain(column, row[index] ?? null)
  }
  return builder.finish()
}

/** Rows of random values, edge values often among them; nullable fields are null one time in five. */
export function randomRows(fields: readonly ColumnField[], rows: number, random: () => number): PlainValue[][] {
  return Array.from({ length: rows }, () => fields.map((field) => randomField(field, random)))
}

/** One field of every scalar kind, all nullable, named `c_<kind>`, with field ids from 1. */
export const EVERY_SCALAR: readonly ColumnField[] = scalarTypes().map((type, index) => ({
  name: `c_${type.kind}${type.kind === 'decimal' ? type.precision : ''}${(type.kind === 'timestamp' || type.kind === 'timestamp_ns') && type.utc ? 'tz' : ''}`,
  type,
  nullable: true,
  fieldId: index + 1,
}))

function scalarTypes(): ColumnType[] {
  return [
    { kind: 'boolean' },
    { kind: 'int32' },
    { kind: 'int64' },
    { kind: 'float32' },
    { kind: 'float64' },
    { kind: 'decimal', precision: 9, scale: 2 },
    { kind: 'decimal', precision: 18, scale: 4 },
    { kind: 'decimal', precision: 38, scale: 10 },
    { kind: 'date' },
    { kind: 'time' },
    { kind: 'timestamp', utc: false },
    { kind: 'timestamp', utc: true },
    { kind: 'string' },
    { kind: 'binary' },
    { kind: 'fixed', length: 5 },
    { kind: 'uuid' },
    { kind: 'timestamp_ns', utc: false },
    { kind: 'timestamp_ns', utc: true },
    { kind: 'null' },
  ]
}

function randomField(field: ColumnField, random: () => number): PlainValue {
  return field.nullable && random() < 0.2 ? null : randomValue(field.type, random)
}

function randomValue(type: ColumnType, random: () => number): PlainValue {
  const pick = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)] as T // never empty
  const edge = random() < 0.2
  switch (type.kind) {
    case 'boolean':
      return random() < 0.5
    case 'int32':
      return edge ? pick(0, -1, 0x7fff_ffff, -0x8000_0000) : Math.floor((random() - 0.5) * 2 ** 31)
    case 'int64':
      return edge ? pick(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)) : randomBigInt(63, random)
    case 'float32':
      return edge ? pick(0, -0, Number.NaN, Infinity, -Infinity) : Math.fround((random() - 0.5) * 1e9)
    case 'float64':
      return edge ? pick(0, -0, Number.NaN, Infinity, -Infinity, 5e-324) : (random() - 0.5) * 1e18
    case 'decimal': {
      const limit = 10n ** BigInt(type.precision)
      if (edge) return pick(0n, 1n, -1n, limit - 1n, 1n - limit)
      return randomBigInt(Math.floor(type.precision * 3.3), random) % limit
    }
    case 'date':
      return edge ? pick(-719_162, 2_932_896, 0) : Math.floor((random() - 0.5) * 100_000)
    case 'time':
      return edge ? pick(0n, 86_399_999_999n) : BigInt(Math.floor(random() * 86_400e6))
    case 'timestamp':
      if (edge) return pick(-62_135_596_800_000_000n, 253_402_300_799_999_999n, 0n, -1n)
      return BigInt(Math.floor((random() - 0.5) * 2 ** 53))
    case 'timestamp_ns':
      return edge ? pick(-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n) : randomBigInt(63, random)
    case 'null':
      return null
    case 'string':
      if (edge)
        return pick('', 'a', 'å', '漢字', '\u{1f9ca}', 'x'.repeat(200), 'é'.repeat(40), '\0', '\uffff', '\u{10ffff}')
      return Array.from({ length: Math.floor(random() * 12) }, () => pick('a', 'B', 'ß', '€', '\u{1f600}', ' ')).join(
        '',
      )
    case 'binary':
      return randomHex(Math.floor(random() * 40), random)
    case 'fixed':
      return randomHex(type.length, random)
    case 'uuid':
      return randomHex(16, random)
    case 'struct':
      return type.fields.map((field) => randomField(field, random))
    case 'list':
      return range(0, Math.floor(random() * 4)).map(() => randomField(type.element, random))
    case 'map':
      return range(0, Math.floor(random() * 4)).map(() => [
        randomValue(type.key.type, random),
        randomField(type.value, random),
      ])
  }
}

function randomBigInt(bits: number, random: () => number): bigint {
  let value = 0n
  for (let left = 0; left < bits; left += 30) value = (value << 30n) | BigInt(Math.floor(random() * 2 ** 30))
  value = BigInt.asUintN(bits, value) >> BigInt(Math.floor(random() * bits))
  return random() < 0.5 ? -value : value
}

function randomHex(bytes: number, random: () => number): string {
  return Buffer.from(range(0, bytes).map(() => Math.floor(random() * 256))).toString('hex')
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index)
}

function elements(value: PlainValue): readonly PlainValue[] {
  if (Array.isArray(value)) return value as readonly PlainValue[] // isArray widens readonly arrays to any[]
  throw new TypeError('A nested plain value is an array')
}
