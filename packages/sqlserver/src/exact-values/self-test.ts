import { columnView } from '@icebridge/columnar'
import { readBatches } from '../batch-reader.ts'
import { SqlServerError } from '../errors.ts'
import { readColumns } from '../read-columns.ts'
import type { Session } from '../session.ts'
import { isRaw } from './raw-values.ts'
import { formatSqlType, type SqlType } from '../sql-type.ts'
import { selectList, type ReadColumn } from '../sql.ts'
import type { ColumnDefinition } from '../table-definition.ts'

interface Probe {
  readonly name: string
  readonly type: SqlType
  readonly literal: string
  /** What each batch column of the value must hold. */
  readonly expected: readonly unknown[]
}

function probe(name: string, type: SqlType, literal: string, ...expected: readonly unknown[]): Probe {
  return { name, type, literal, expected }
}

function decimal(precision: number, scale: number, digits: string): Probe {
  const at = precision - scale
  const literal = `'-${digits.slice(0, at)}.${digits.slice(at)}'`
  return probe(`decimal(${precision},${scale})`, { name: 'decimal', precision, scale }, literal, -BigInt(digits))
}

/** Every kind of value that is taken from the driver, in each width that it has on the wire. */
const probes: readonly Probe[] = [
  // 4, 8, 12 and 16 bytes; 15 digits are the last that a double's division leaves whole.
  decimal(9, 4, '999999997'),
  decimal(15, 4, '999999999999997'),
  decimal(19, 4, '9999999999999999997'),
  decimal(28, 10, '9876543210987654321098765431'),
  decimal(38, 10, '12345678901234567890123456780123456789'),
  probe('bigint', { name: 'bigint' }, `'9007199254740993'`, 9_007_199_254_740_993n),
  probe('bigint', { name: 'bigint' }, `'-9223372036854775808'`, -(2n ** 63n)),
  probe('int', { name: 'int' }, `'-2147483648'`, -2_147_483_648),
  probe('money', { name: 'money' }, `'-922337203685477.5807'`, -9_223_372_036_854_775_807n),
  probe('smallmoney', { name: 'smallmoney' }, `'214748.3647'`, 2_147_483_647n),
  probe('float', { name: 'float' }, `'0.1'`, 0.1),
  probe('real', { name: 'real' }, `'0.1'`, Math.fround(0.1)),
  probe('date', { name: 'date' }, `'0001-01-01'`, -719_162),
  // 3, 4 and 5 bytes of a time of day.
  probe('time(0)', { name: 'time', scale: 0 }, `'23:59:59'`, 86_399_000_000n),
  probe('time(4)', { name: 'time', scale: 4 }, `'23:59:59.9999'`, 86_399_999_900n),
  probe('time(7)', { name: 'time', scale: 7 }, `'23:59:59.9999999'`, 86_399_999_999n, 9),
  probe('datetime', { name: 'datetime' }, `'9999-12-31T23:59:59.997'`, 253_402_300_799_997_000n),
  probe('smalldatetime', { name: 'smalldatetime' }, `'2079-06-06T23:59:00'`, 3_453_321_540_000_000n),
  probe('datetime2(0)', { name: 'datetime2', scale: 0 }, `'1969-12-31T23:59:59'`, -1_000_000n),
  probe('datetime2(4)', { name: 'datetime2', scale: 4 }, `'1969-12-31T23:59:59.9999'`, -100n),
  probe('datetime2(7)', { name: 'datetime2', scale: 7 }, `'9999-12-31T23:59:59.9999999'`, 253_402_300_799_999_999n, 9),
  probe(
    'datetimeoffset(7)',
    { name: 'datetimeoffset', scale: 7 },
    `'2024-03-01T01:30:00.1234567-05:30'`,
    1_709_276_400_123_456n,
    -330,
    7,
  ),
  probe('nvarchar', { name: 'nvarchar', length: 20 }, `N'ß😀 '`, 'ß😀 '),
  probe('varbinary', { name: 'varbinary', length: 4 }, '0x00FF00', '00ff00'),
  probe(
    'uniqueidentifier',
    { name: 'uniqueidentifier' },
    `'01234567-89AB-CDEF-0011-223344556677'`,
    '0123456789abcdef0011223344556677',
  ),
]

/**
 * Reads values that are easily damaged through the same path as every read, and compares. It runs once a {@link SqlServer}: exact
 * reading rests on how the driver hands values over, which is not part of its contract.
 *
 * @throws {SqlServerError} `driver-inexact`, naming the type and what came back.
 */
export async function selfTest(session: Session, signal?: AbortSignal): Promise<void> {
  // Of every other value the column takes no NULL: numbers have other types on the wire then.
  const sources = probes.map(({ type, literal }, index) => {
    const value = `CONVERT(${formatSqlType(type)}, ${literal})`
    return `${index % 2 === 0 ? value : `ISNULL(${value}, ${value})`} AS [c${index}]`
  })
  const reads = probes.map((probe, index) => readColumns(definition(probe, index)))
  const columns: readonly ReadColumn[] = reads.flat()
  const query = { text: `SELECT ${selectList(columns, '[t]')} FROM (SELECT ${sources.join(', ')}) AS [t]`, columns }
  const options = { requestTimeoutMs: 30_000, idleTimeoutMs: 30_000, ...(signal === undefined ? {} : { signal }) }
  try {
    await compare(readBatches(session, query, options))
    // Small results take the driver's cells, which streams of raw values do without.
    if (isRaw(session.connection)) await compare(readBatches(session, query, { ...options, cells: true }))
  } catch (error) {
    // A value that no batch column takes is as wrong as one that differs.
    if (!(error instanceof SqlServerError) || error.code !== 'unexpected-result') throw error
    throw inexact(undefined, error.message)
  }
}

async function compare(batches: ReturnType<typeof readBatches>): Promise<void> {
  let rows = 0
  for await (const batch of batches) {
    rows += batch.numRows
    let at = 0
    for (const probe of probes) {
      for (const expected of probe.expected) {
        const view = columnView(batch, at)
        const got = textIfBytes('value' in view && typeof view.value === 'function' ? view.value(0) : undefined)
        if (!Object.is(got, expected)) throw inexact(probe, `${String(expected)} came back as ${String(got)}`)
        at += 1
      }
    }
  }
  if (rows !== 1) throw inexact(undefined, `one row came back as ${rows}`)
}

function textIfBytes(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}

function definition({ type }: Probe, index: number): ColumnDefinition {
  return {
    ordinal: index + 1,
    name: `c${index}`,
    type,
    nullable: true,
    rowversion: false,
    masked: false,
    sparse: false,
    hidden: false,
  }
}

function inexact(probe: Probe | undefined, what: string): SqlServerError {
  return new SqlServerError(
    'driver-inexact',
    `the driver does not read ${probe === undefined ? 'a row' : probe.name} exactly: ${what}`,
    { hint: 'Install the version of tedious that this package names in its dependencies.' },
  )
}
