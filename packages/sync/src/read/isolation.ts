import type { ChangeDetectionStrategy } from '@icebridge/change-detection'
import type { ServerIdentity, TableDefinition } from '@icebridge/sqlserver'
import type { SyncProblem } from '../errors.ts'
import type { LoadSettings } from './load-options.ts'

/** How the source isolates what is read from what is written meanwhile. Neither takes a lock on the table that writers wait for. */
export type Isolation = 'read-committed' | 'snapshot'

/** What decides how a table is read. */
export interface ReadSource {
  readonly identity: ServerIdentity
  readonly table: TableDefinition
  readonly strategy: ChangeDetectionStrategy
}

/** Why snapshot isolation cannot be had, and what would help. */
type Obstacle = Omit<SyncProblem, 'table'>

/**
 * The isolation of a table's reads, and what stands against the one that was asked for.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
 */
export function chooseIsolation(
  choice: LoadSettings['isolation'],
  source: ReadSource,
): { readonly isolation: Isolation; readonly problem?: Obstacle } {
  if (choice === 'read-committed') return { isolation: 'read-committed' }
  const problem = obstacle(source)
  if (problem === undefined) return { isolation: 'snapshot' }
  return choice === 'auto' ? { isolation: 'read-committed' } : { isolation: 'read-committed', problem }
}

function obstacle({ identity, table, strategy }: ReadSource): Obstacle | undefined {
  const code = 'no-snapshot-isolation'
  if (!strategy.readsVersions) {
    return {
      code,
      message: `strategy ${strategy.name} must wait for rows that are being written, which a snapshot does not`,
      hint: 'Set load.isolation to read-committed, or let a rowversion column find the changes.',
    }
  }
  if (table.memoryOptimized) {
    return {
      code,
      message: 'a memory-optimized table cannot be read in a session under snapshot isolation',
      hint: 'Set load.isolation to read-committed; such a table is read from row versions anyway.',
    }
  }
  if (!identity.snapshotIsolation) {
    return {
      code,
      message: `database ${identity.databaseName} does not allow snapshot isolation`,
      hint: `Run ALTER DATABASE [${identity.databaseName}] SET ALLOW_SNAPSHOT_ISOLATION ON, or set load.isolation to auto.`,
    }
  }
  return undefined
}
