import {
  formatDecimal,
  formatTimestamp,
  type NestedField,
  type TableHandle,
  type Transform,
  type Type,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import type { ExpectedFilter } from './fixtures.ts'
import { appended, batchFor, type NewTable, type Row, type WrittenLake } from './written-lake.ts'

/** A table that was written, and the filters that engines read it with besides reading all of it. */
export interface WrittenTable {
  readonly name: string
  readonly table: TableHandle
  readonly wheres?: readonly (readonly ExpectedFilter[])[]
  /** All that was written, where nothing was changed later. */
  readonly input?: RecordBatch
  /** Read the row ids too, with the engines that have them. */
  readonly lineage?: boolean
  /** Snapshots to read besides the current one; all when absent. */
  readonly snapshots?: readonly bigint[]
}

export function field(id: number, name: string, type: Type, required = false): NestedField {
  return { id, name, type, required }
}

const decimal = (precision: number, scale: number): Type => ({ kind: 'decimal', precision, scale })
const point: Type = { kind: 'struct', fields: [field(30, 'x', 'int'), field(31, 'y', 'string')] }

const everyType: readonly NestedField[] = [
  field(1, 'id', 'long', true),
  field(2, 'b', 'boolean'),
  field(3, 'i', 'int'),
  field(4, 'f', 'float'),
  field(5, 'd', 'double'),
  field(6, 'dec9', decimal(9, 2)),
  field(7, 'dec18', decimal(18, 9)),
  field(8, 'dec38', decimal(38, 0)),
  field(9, 'date', 'date'),
  field(10, 'time', 'time'),
  field(11, 'ts', 'timestamp'),
  field(12, 'tz', 'timestamptz'),
  field(13, 's', 'string'),
  field(14, 'uuid', 'uuid'),
  field(15, 'fixed', { kind: 'fixed', length: 4 }),
  field(16, 'bin', 'binary'),
  field(17, 'point', point),
  field(18, 'list', { kind: 'list', elementId: 32, element: 'long', elementRequired: false }),
  field(19, 'map', { kind: 'map', keyId: 33, key: 'string', valueId: 34, value: decimal(20, 2), valueRequired: false }),
]

const day = 86_400_000_000n
const firstDay = -719_162
const lastDay = 2_932_896
const lastMicro = BigInt(lastDay) * day + day - 1n
const tail = 'é😀'.repeat(40)

/** Smallest, largest and odd values of each column of {@link everyType}; then nulls. */
const extremes: readonly Row[] = [
  [
    -(2n ** 63n),
    false,
    -(2 ** 31),
    -3.4028234663852886e38,
    -Number.MAX_VALUE,
    -999_999_999n,
    -(10n ** 18n - 1n),
    -(10n ** 38n - 1n),
    firstDay,
    0n,
    BigInt(firstDay) * day,
    BigInt(firstDay) * day,
    '',
    '0'.repeat(32),
    '00000000',
    '',
    [null, null],
    [],
    [],
  ],
  [
    2n ** 63n - 1n,
    true,
    2 ** 31 - 1,
    3.4028234663852886e38,
    Number.MAX_VALUE,
    999_999_999n,
    10n ** 18n - 1n,
    10n ** 38n - 1n,
    lastDay,
    day - 1n,
    lastMicro,
    lastMicro,
    `\uFFFD\u{10FFFF}${tail}`,
    'f'.repeat(32),
    'ffffffff',
    'ff007f80',
    [2 ** 31 - 1, tail],
    [2n ** 63n - 1n, null, -(2n ** 63n)],
    [
      ['k', 1n],
      ['ключ', null],
    ],
  ],
  [
    0n,
    null,
    0,
    -0,
    -0,
    0n,
    1n,
    -1n,
    -1,
    43_200_000_001n,
    -1n,
    -1n,
    'жaba\n\t"\\',
    '00000000000000008000000000000000',
    '01020304',
    '00',
    [0, ''],
    [null],
    [['', 100n]],
  ],
  [1n, true, 1, Number.NaN, Number.NaN, null, null, null, 0, null, 0n, null, tail, ...Array<null>(6).fill(null)],
  [2n, null, null, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, ...Array<null>(14).fill(null)],
  [3n, false, -1, 1.401298464324817e-45, 5e-324, ...Array<null>(14).fill(null)],
  [4n, null, null, Math.fround(0.1), 0.1, ...Array<null>(14).fill(null)],
]

/** Every type of format version 2, at its extremes: each row in a file of its own, and all in one. */
export async function types(lake: WrittenLake): Promise<readonly WrittenTable[]> {
  const wheres: readonly (readonly ExpectedFilter[])[] = [
    [['dec38', 'eq', formatDecimal(10n ** 38n - 1n, 0)]],
    [['date', 'lt', '1970-01-01']],
    [['ts', 'gteq', '9999-12-31T23:59:59.999999']],
    [['i', 'eq', -(2 ** 31)]],
    [['id', 'eq', { long: String(2n ** 63n - 1n) }]],
    [['s', 'is-null']],
    [['s', 'eq', `\uFFFD\u{10FFFF}${tail}`]],
  ]
  let apart = await lake.create('types_apart', { fields: everyType })
  for (const row of extremes) apart = await appended(apart, [row])
  const together = await appended(await lake.create('types', { fields: everyType }), extremes)
  const version3 = await appended(await lake.create('types_v3', { fields: everyType, formatVersion: 3 }), extremes)
  return [
    { name: 'types', table: together, wheres, input: batchFor(together, extremes) },
    { name: 'types_apart', table: apart, wheres, snapshots: [], input: batchFor(apart, extremes) },
    { name: 'types_v3', table: version3, wheres, input: batchFor(version3, extremes) },
    await newTypes(lake),
    await variants(lake),
    await boundaries(lake),
  ]
}

/** The types of format version 3 that are new. */
async function newTypes(lake: WrittenLake): Promise<WrittenTable> {
  const table = await lake.create('types_new_in_v3', {
    formatVersion: 3,
    fields: [
      field(1, 'id', 'int', true),
      field(2, 'ns', 'timestamp_ns'),
      field(3, 'nsz', 'timestamptz_ns'),
      field(4, 'nothing', 'unknown'),
    ],
  })
  const edge = 2n ** 63n - 1n
  return {
    name: 'types_new_in_v3',
    table: await appended(table, [
      [1, -1n, -1n, null],
      [2, edge, edge, null],
      [3, -edge, -edge, null],
      [4, 1_708_207_200_123_456_789n, 0n, null],
      [5, null, null, null],
    ]),
  }
}

/** Variants as the two binary parts that they are stored in: a small number, a short string, a variant null, no variant. */
async function variants(lake: WrittenLake): Promise<WrittenTable> {
  const table = await lake.create('variants', {
    formatVersion: 3,
    fields: [field(1, 'id', 'int', true), field(2, 'v', { kind: 'variant' })],
  })
  const empty = '010000'
  const rows: readonly Row[] = [
    [1, [empty, '0c07']],
    [2, [empty, '096869']],
    [3, [empty, '00']],
    [4, null],
  ]
  return { name: 'variants', table: await appended(table, rows) }
}

/** Strings and bytes around the sixteen characters at which bounds are cut; one file a row, so that engines prune by the bounds. */
async function boundaries(lake: WrittenLake): Promise<WrittenTable> {
  const a15 = 'a'.repeat(15)
  const texts = [
    `${a15}😀`,
    `${a15}😀z`,
    `${a15}\u{10FFFF}`,
    `${a15}\u{10FFFF}z`,
    `${a15}\uD7FF\uE000`,
    `${a15}\uFFFF`,
    `${a15}é`,
    'a'.repeat(17),
    '\u{10FFFF}'.repeat(20),
    '\uFFFD'.repeat(20),
    '😀'.repeat(16),
    '😀'.repeat(17),
    'z',
    '',
    ' '.repeat(20),
    'x'.repeat(10_000),
  ]
  let table = await lake.create('boundaries', {
    fields: [field(1, 's', 'string'), field(2, 'bin', 'binary'), field(3, 'd', 'double')],
  })
  for (const [index, text] of texts.entries()) {
    const hex = index % 2 === 0 ? 'ff'.repeat(20) : Buffer.from(text).subarray(0, 40).toString('hex')
    table = await appended(table, [[text, hex, index === 3 ? Number.NaN : index]])
  }
  const wheres = texts.map((text): readonly ExpectedFilter[] => [['s', 'eq', text]])
  const more: readonly (readonly ExpectedFilter[])[] = [
    [['s', 'gteq', `${a15}😀`]],
    [['s', 'lt', `${a15}\u{10FFFF}`]],
    [['s', 'starts-with', `${a15}😀`]],
    [['s', 'starts-with', '😀'.repeat(16)]],
    [['d', 'eq', 0]],
    [['d', 'lt', 2]],
  ]
  return { name: 'boundaries', table, wheres: [...wheres, ...more], snapshots: [] }
}

const transformed: readonly NestedField[] = [
  field(1, 'id', 'int', true),
  field(2, 'l', 'long'),
  field(3, 'dec', decimal(20, 3)),
  field(4, 'date', 'date'),
  field(5, 'ts', 'timestamp'),
  field(6, 'tz', 'timestamptz'),
  field(7, 's', 'string'),
  field(8, 'bin', 'binary'),
  field(9, 'uuid', 'uuid'),
  field(10, 'b', 'boolean'),
  field(11, 'time', 'time'),
  field(12, 'fixed', { kind: 'fixed', length: 4 }),
]
const micros = [-1n, 0n, 1_510_871_468_000_001n, -12_240_784_493_999_993n, lastMicro, 1_510_873_200_000_000n]
const transformedRows: readonly Row[] = [
  ...['', 'a', 'iceberg', 'пр😀вет/=%: ü', '😀😀😀😀', 'icebreaker'].map((text, id): Row => {
    const number = [-1n, 0n, 34n, -2_147_483_644n, 2_147_483_647n, 35n][id] ?? 0n
    const at = micros[id] ?? 0n
    const days = at < 0n ? -((day - 1n - at) / day) : at / day
    const hex = (number & 0xffff_ffffn).toString(16).padStart(8, '0')
    return [
      id,
      number * 1_000_003n,
      number * 1001n,
      Number(days),
      at,
      at,
      text,
      Buffer.from(text).toString('hex'),
      hex.repeat(4),
      id % 2 === 0,
      at - days * day,
      hex,
    ]
  }),
  [6, ...Array<null>(11).fill(null)],
]

/** Each transform over each type that it takes. */
export async function transforms(lake: WrittenLake): Promise<readonly WrittenTable[]> {
  const of: readonly (readonly [name: string, transform: Transform, columns: readonly string[]])[] = [
    ['identity', { kind: 'identity' }, ['l', 'dec', 'date', 'ts', 'tz', 's', 'b', 'time']],
    ['bucket', { kind: 'bucket', buckets: 7 }, ['l', 'dec', 'date', 'ts', 'tz', 's', 'bin', 'uuid', 'time']],
    ['identity_of_bytes', { kind: 'identity' }, ['uuid', 'bin']],
    ['identity_of_fixed', { kind: 'identity' }, ['fixed']],
    ['truncate', { kind: 'truncate', width: 3 }, ['l', 's', 'bin']],
    ['truncate_of_decimals', { kind: 'truncate', width: 3 }, ['dec']],
    ['year', { kind: 'year' }, ['date', 'ts', 'tz']],
    ['month', { kind: 'month' }, ['date', 'ts', 'tz']],
    ['day', { kind: 'day' }, ['date', 'ts', 'tz']],
    ['hour', { kind: 'hour' }, ['ts', 'tz']],
    ['void', { kind: 'void' }, ['l', 's']],
  ]
  const tables: WrittenTable[] = []
  for (const [name, transform, columns] of of) {
    const table = await lake.create(`transform_${name}`, {
      fields: transformed,
      partition: columns.map((column) => [column, transform] as const),
    })
    const wheres: (readonly ExpectedFilter[])[] = []
    if (columns.includes('s'))
      wheres.push(
        [['s', 'eq', 'iceberg']],
        [['s', 'eq', 'пр😀вет/=%: ü']],
        [['s', 'starts-with', 'ice']],
        [['s', 'is-null']],
      )
    if (columns.includes('l'))
      wheres.push([['l', 'eq', { long: String(34n * 1_000_003n) }]], [['l', 'lt', { long: '0' }]])
    if (columns.includes('ts')) {
      for (const at of micros) wheres.push([['ts', 'eq', formatTimestamp(at, 6)]])
      wheres.push([['ts', 'gteq', '2017-11-16T23:00:00.000000']], [['ts', 'lt', '1970-01-01T00:00:00.000000']])
    }
    tables.push({ name: `transform_${name}`, table: await appended(table, transformedRows), wheres })
  }
  return tables
}

export const small: NewTable = {
  fields: [field(1, 'id', 'long', true), field(2, 'category', 'string'), field(3, 'n', 'int')],
  identifierFieldIds: [1],
}

export function smallRows(from: number, to: number): readonly Row[] {
  return Array.from({ length: to - from }, (_, at): Row => {
    const id = from + at
    return [BigInt(id), id % 5 === 4 ? null : `c${id % 3}`, id % 7 === 6 ? null : id * 10]
  })
}
