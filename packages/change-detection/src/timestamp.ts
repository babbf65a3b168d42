import {
  formatSqlType,
  quoteName,
  quoteTable,
  type ColumnDefinition,
  type ReadColumn,
  type ReadQuery,
  type Sql,
  type SqlParameter,
  type SqlType,
  type SqlValue,
  type TableDefinition,
} from '@icebridge/sqlserver'
import { alias, changesQueryOf } from './changes-query.ts'
import { readBound, ticksOf } from './clock-bound.ts'
import { ChangeDetectionError } from './errors.ts'
import type { ChangeDetectionStrategy, PlanProblem, Watermark, WatermarkRange } from './strategy.ts'
import { isTemporal, parameterText, valueOf } from './temporal-type.ts'
import { timestampProblems } from './timestamp-problems.ts'

export interface TimestampOptions {
  /** The column that every insert and update sets to the time of the change. */
  readonly column: string
  /** Whether the column holds the server's UTC or its local time. Default `utc`; not used for `datetimeoffset`. */
  readonly clock?: 'utc' | 'local'
  /**
   * How far the upper bound stays behind the server's clock, in milliseconds. Default 0: rows just inserted are read by the next
   * run. Raise it above the longest transaction and the greatest difference between the clocks that fill the column: a row that
   * becomes visible later than its own timestamp by more than this is missed.
   */
  readonly lagMs?: number
  /** How far each run reads again below its watermark, in milliseconds. Default 0. Rows read again are journaled again. */
  readonly overlapMs?: number
  /**
   * The clock that fills the column. `getdate` counts 1/300 s whatever the column's type; the bound then stays at its ticks.
   * Default: `getdate` for a `datetime` column and for one whose default calls it, else `sysdatetime`.
   */
  readonly filledBy?: 'sysdatetime' | 'getdate'
}

/**
 * Changes by a column that holds the time of each row's last change.
 *
 * The upper bound is the server's clock, less `lagMs`, cut down to the last whole value of the column's type, and exclusive: a
 * row that is written in the tick of the reading is read once that tick is over. So the tick of a `smalldatetime` is a minute's
 * wait, of a `date` a day's. Rows with a time in the future wait for it. A watermark is `YYYY-MM-DDThh:mm:ss.fffffff`, with
 * `+00:00` for `datetimeoffset`. Deleted rows are not found; neither is a row that the application changes without setting the
 * column.
 */
export class TimestampChangeDetection implements ChangeDetectionStrategy {
  readonly name = 'timestamp'
  readonly detectsDeletes = false
  readonly op = 'upsert'
  readonly readsVersions = false
  readonly #options: Required<Omit<TimestampOptions, 'filledBy'>> & Pick<TimestampOptions, 'filledBy'>

  /** @throws ChangeDetectionError `invalid-argument` for a negative or fractional number of milliseconds. */
  constructor(options: TimestampOptions) {
    this.#options = { clock: 'utc', lagMs: 0, overlapMs: 0, ...options }
    for (const name of ['lagMs', 'overlapMs'] as const) {
      const value = this.#options[name]
      if (Number.isSafeInteger(value) && value >= 0) continue
      throw new ChangeDetectionError('invalid-argument', `${name} is ${value}; it must be a whole number from 0 up`)
    }
  }

  validate(table: TableDefinition): readonly PlanProblem[] {
    const { column, lagMs, overlapMs } = this.#options
    return timestampProblems(table, { column, found: findColumn(table, column), waits: lagMs > 0 || overlapMs > 0 })
  }

  upperBoundQuery(table: TableDefinition): Sql {
    const column = this.#column(table)
    const utc = this.#options.clock === 'utc' || column.type.name === 'datetimeoffset'
    const fine = utc ? 'SYSUTCDATETIME()' : 'SYSDATETIME()'
    const coarse = utc ? 'GETUTCDATE()' : 'GETDATE()'
    const filledBy = this.#options.filledBy ?? defaultFill(column)
    return {
      text: `SELECT ${fine} AS [clock], ${filledBy === 'getdate' ? coarse : 'NULL'} AS [coarse], '${formatSqlType(column.type)}' AS [type]`,
    }
  }

  upperBound(row: Readonly<Record<string, SqlValue>>, low: Watermark | undefined): Watermark {
    return readBound(row, { lagMs: this.#options.lagMs, low, clock: this.#options.clock })
  }

  changesQuery(table: TableDefinition, range: WatermarkRange, columns: readonly ReadColumn[]): ReadQuery {
    const column = this.#column(table)
    const low = range.low === undefined ? undefined : this.#lowTicks(range.low, column.type)
    return changesQueryOf({
      table,
      columns,
      column: quoteName(column.name),
      version: versionExpression(column),
      low: low === undefined ? undefined : parameter('low', column.type, low),
      high: range.high === undefined ? undefined : parameter('high', column.type, ticksOf(range.high, column.type)),
      rows: range.rows,
      // Under row versioning a reader passes rows that are being written; their timestamps may lie below the bound.
      hints: table.memoryOptimized ? [] : ['READCOMMITTEDLOCK'],
    })
  }

  /**
   * Counts the rows at or above `high`, with the greatest value: rows that wait for the clock to pass their time, for a report.
   * One row: `waiting` (bigint) and `latest` (the column's type, or null).
   */
  waitingQuery(table: TableDefinition, high: Watermark): Sql {
    const column = this.#column(table)
    const name = `${alias}.${quoteName(column.name)}`
    return {
      text: `SELECT COUNT_BIG(*) AS [waiting], MAX(${name}) AS [latest] FROM ${quoteTable(table.table)} AS ${alias} WHERE ${name} >= @high`,
      parameters: [parameter('high', column.type, ticksOf(high, column.type))],
    }
  }

  isEmpty(low: Watermark | undefined, high: Watermark): boolean {
    if (low === undefined) return false
    return this.#options.overlapMs === 0 ? this.compare(low, high) >= 0 : this.#lowTicks(low) >= ticksOf(high)
  }

  compare(a: Watermark, b: Watermark): -1 | 0 | 1 {
    const [left, right] = [ticksOf(a), ticksOf(b)]
    return left < right ? -1 : left > right ? 1 : 0
  }

  #lowTicks(low: Watermark, type?: SqlType): bigint {
    const ticks = ticksOf(low, type) - BigInt(this.#options.overlapMs) * 10_000n
    return ticks < 0n ? 0n : ticks
  }

  #column(table: TableDefinition): ColumnDefinition {
    const column = findColumn(table, this.#options.column)
    if (column !== undefined && isTemporal(column.type.name)) return column
    throw new ChangeDetectionError(
      'invalid-table',
      `${table.table.schema}.${table.table.name} has no date or time column ${this.#options.column}`,
    )
  }
}

/** By its exact name, else by the one name that differs only in case. */
function findColumn(table: TableDefinition, name: string): ColumnDefinition | undefined {
  const exact = table.columns.find((column) => column.name === name)
  if (exact !== undefined) return exact
  const alike = table.columns.filter((column) => column.name.toLowerCase() === name.toLowerCase())
  return alike.length === 1 ? alike[0] : undefined
}

function defaultFill(column: ColumnDefinition): 'sysdatetime' | 'getdate' {
  if (column.type.name === 'datetime') return 'getdate'
  const calls = /\b(getdate|getutcdate|current_timestamp)\b/i
  return calls.test(column.defaultExpression ?? '') ? 'getdate' : 'sysdatetime'
}

function parameter(name: string, type: SqlType, ticks: bigint): SqlParameter {
  return { name, type, value: parameterText(type, valueOf(type, ticks)) }
}

/** The column's value in the watermark's own form. Style 121 always has the fraction's digits. */
function versionExpression(column: ColumnDefinition): string {
  const name = `${alias}.${quoteName(column.name)}`
  const iso = (value: string, width: number): string => `REPLACE(CONVERT(char(${width}), ${value}, 121), ' ', 'T')`
  if (column.type.name === 'datetime') return `${iso(name, 23)} + '0000'`
  if (column.type.name !== 'datetimeoffset') return iso(`CONVERT(datetime2(7), ${name})`, 27)
  return `${iso(`CONVERT(datetime2(7), SWITCHOFFSET(${name}, '+00:00'))`, 27)} + '+00:00'`
}
