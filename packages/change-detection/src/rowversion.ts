import {
  quoteName,
  type ReadColumn,
  type ReadQuery,
  type Sql,
  type SqlParameter,
  type SqlValue,
  type TableDefinition,
} from '@icebridge/sqlserver'
import { alias, changesQueryOf } from './changes-query.ts'
import { ChangeDetectionError } from './errors.ts'
import type { ChangeDetectionStrategy, PlanProblem, Watermark, WatermarkRange } from './strategy.ts'

/**
 * Changes by the table's `rowversion` column, which the server sets anew on every insert and update.
 *
 * The upper bound is `MIN_ACTIVE_ROWVERSION()`: every row below it is committed, and every change to come gets a value at or
 * above it. Exact whatever the isolation level, the length of transactions or the clock. A watermark is `0x` and 16 upper-case
 * hexadecimal digits. Deleted rows are not found.
 * @see https://learn.microsoft.com/sql/t-sql/functions/min-active-rowversion-transact-sql
 */
export class RowversionChangeDetection implements ChangeDetectionStrategy {
  readonly name = 'rowversion'
  readonly detectsDeletes = false
  readonly op = 'upsert'
  /** What is below MIN_ACTIVE_ROWVERSION() is committed, so a snapshot taken after it has it. */
  readonly readsVersions = true

  validate(table: TableDefinition): readonly PlanProblem[] {
    if (rowversionColumn(table) !== undefined) return []
    return [
      {
        code: 'no-rowversion-column',
        message: `${table.table.schema}.${table.table.name} has no rowversion column`,
        hint: 'Add one (ALTER TABLE … ADD [row_version] rowversion), or choose a timestamp column.',
      },
    ]
  }

  upperBoundQuery(_table: TableDefinition): Sql {
    return { text: 'SELECT MIN_ACTIVE_ROWVERSION() AS [bound]' }
  }

  upperBound(row: Readonly<Record<string, SqlValue>>, low: Watermark | undefined): Watermark {
    const bound = row['bound']
    if (!(bound instanceof Uint8Array) || bound.length !== 8) {
      throw new ChangeDetectionError('invalid-bound', 'The source gave no 8 bytes for MIN_ACTIVE_ROWVERSION()')
    }
    const high = watermarkOf(bound)
    if (low === undefined || this.compare(high, low) >= 0) return high
    throw new ChangeDetectionError(
      'source-went-back',
      `The source is at rowversion ${high}, before ${low} reached earlier`,
      {
        context: { bound: high, watermark: low },
        hint: 'The source database was restored or replaced, so rows may differ from the journal. Reload the table.',
      },
    )
  }

  changesQuery(table: TableDefinition, range: WatermarkRange, columns: readonly ReadColumn[]): ReadQuery {
    const column = rowversionColumn(table)
    if (column === undefined) {
      throw new ChangeDetectionError(
        'invalid-table',
        `${table.table.schema}.${table.table.name} has no rowversion column`,
      )
    }
    const name = quoteName(column)
    return changesQueryOf({
      table,
      columns,
      column: name,
      version: `CONVERT(char(18), CONVERT(binary(8), ${alias}.${name}), 1)`,
      versionWithin: column,
      low: range.low === undefined ? undefined : parameter('low', range.low),
      high: range.high === undefined ? undefined : parameter('high', range.high),
      rows: range.rows,
    })
  }

  isEmpty(low: Watermark | undefined, high: Watermark): boolean {
    return low !== undefined && this.compare(low, high) >= 0
  }

  compare(a: Watermark, b: Watermark): -1 | 0 | 1 {
    const [left, right] = [normalized(a), normalized(b)]
    return left < right ? -1 : left > right ? 1 : 0
  }
}

/** Name of the table's rowversion column; SQL Server allows one. */
export function rowversionColumn(table: TableDefinition): string | undefined {
  return table.columns.find((column) => column.rowversion)?.name
}

function parameter(name: string, watermark: Watermark): SqlParameter {
  return {
    name,
    type: { name: 'binary', length: 8 },
    value: Uint8Array.from(Buffer.from(normalized(watermark).slice(2), 'hex')),
  }
}

function watermarkOf(bytes: Uint8Array): Watermark {
  return `0x${Buffer.from(bytes).toString('hex').toUpperCase()}`
}

/** Of a fixed width and one case, so that text order is the order of the bytes. */
function normalized(watermark: Watermark): string {
  if (/^0x[0-9a-f]{16}$/i.test(watermark)) return `0x${watermark.slice(2).toUpperCase()}`
  throw new ChangeDetectionError('invalid-watermark', `${JSON.stringify(watermark)} is not a rowversion watermark`, {
    context: { watermark },
    hint: 'It was written under another strategy or by hand. Reload the table to start anew.',
  })
}
