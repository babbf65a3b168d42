import type { TableDefinition } from '@icebridge/sqlserver'
import { ChangeDetectionError } from './errors.ts'
import { RowversionChangeDetection, rowversionColumn } from './rowversion.ts'
import type { ChangeDetectionStrategy } from './strategy.ts'
import { TimestampChangeDetection, type TimestampOptions } from './timestamp.ts'

/** What the configuration says about a table. */
export type StrategyChoice =
  | { readonly kind: 'auto' }
  | { readonly kind: 'rowversion' }
  | ({ readonly kind: 'timestamp' } & TimestampOptions)

/**
 * The strategy that was chosen; `auto` takes the rowversion column if there is one. A timestamp column is never guessed: only
 * the application's author knows whether every change sets it. Call `validate` on the result for the table's problems.
 * @throws ChangeDetectionError `no-strategy` when `auto` finds nothing exact.
 */
export function strategyFor(choice: StrategyChoice, table: TableDefinition): ChangeDetectionStrategy {
  switch (choice.kind) {
    case 'rowversion':
      return new RowversionChangeDetection()
    case 'timestamp':
      return new TimestampChangeDetection(choice)
    case 'auto': {
      if (rowversionColumn(table) !== undefined) return new RowversionChangeDetection()
      const name = `${table.table.schema}.${table.table.name}`
      throw new ChangeDetectionError('no-strategy', `${name} has no rowversion column to find its changes by`, {
        context: { table: name },
        hint: 'Add a rowversion column, or name a column that every change sets to the current time (strategy timestamp).',
      })
    }
    default:
      choice satisfies never
      throw new ChangeDetectionError('invalid-argument', `There is no strategy ${JSON.stringify(choice)}`)
  }
}
