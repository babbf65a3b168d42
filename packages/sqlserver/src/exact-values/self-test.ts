import { columnView } from '@icebridge/columnar'
import { readBatches } from '../batch-reader.ts'
import { SqlServerError } from '../errors.ts'
import { readColumns } from '../read-columns.ts'
import type { Session } from '../session.ts'
import { formatSqlType, type SqlType } from '../sql-type.ts'
import type { ReadColumn } from '../sql.ts'
import type { ColumnDefinition } from '../table-definition.ts'

interface Probe {
  readonly name: string
  readonly type: SqlType
  readonly literal: string
  /** What each batch column of the value must hold. */
  readonly expected: readonly unknown[]
}

const probes: readonly Probe[] = [
  {
    name: 'decimal38',
    type: { name: 'decimal', precision: 38, scale: 10 },
    literal: `'-1234567890123456789012345678.0123456789'`,
    expected: [-12_345_678_901_234_567_890_123_456_780_123_456_789n],
  },
  {
    name: 'decimal15',
    type: { name: 'decimal', precision: 15, scale: 4 },
    literal: `'99999999999.9997'`,
    expected: [999_999_999_999_997n],
  },
  { name: 'bigint', type: { name: 'bigint' }, literal: `'9007199254740993'`, expected: [9_007_199_254_740_993n] },
  {
    name: 'datetime2',
    type: { name: 'datetime2', scale: 7 },
    literal: `'9999-12-31T23:59:59.9999999'`,
    expected: [253_402_300_799_999_999n, 9],
  },
  { name: 'float', type: { name: 'float' }, literal: `'0.1'`, expected: [0.1] },
  { name: 'nvarchar', type: { name: 'nvarchar', length: 20 }, literal: `N'ß😀 '`, expected: ['ß😀 '] },
]

/**
 * Reads values that are easily damaged through the same path as every read, and compares. It runs once a {@link SqlServer}: exact
 * reading rests on how the driver hands values over, which is not part of its contract.
 *
 * @throws {SqlServerError} `driver-inexact`, naming the type and what came back.
 */
export async function selfTest(session: Session, signal?: AbortSignal): Promise<void> {
  const sources = probes.map((probe, index) => `CONVERT(${formatSqlType(probe.type)}, ${probe.literal}) AS [c${index}]`)
  const reads = probes.map((probe, index) => readColumns(definition(probe, index)))
  const columns: readonly ReadColumn[] = reads.flat()
  const list = columns.map((column) => column.expression('[t]')).join(', ')
  const query = { text: `SELECT ${list} FROM (SELECT ${sources.join(', ')}) AS [t]`, columns }
  const options = { requestTimeoutMs: 30_000, idleTimeoutMs: 30_000, ...(signal === undefined ? {} : { signal }) }
  let rows = 0
  for await (const batch of readBatches(session, query, options)) {
    rows += batch.numRows
    let at = 0
    for (const probe of probes) {
      for (const expected of probe.expected) {
        const view = columnView(batch, at)
        const got = 'value' in view && typeof view.value === 'function' ? view.value(0) : undefined
        if (!Object.is(got, expected)) throw inexact(probe, `${String(expected)} came back as ${String(got)}`)
        at += 1
      }
    }
  }
  if (rows !== 1) throw inexact(undefined, `one row came back as ${rows}`)
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
