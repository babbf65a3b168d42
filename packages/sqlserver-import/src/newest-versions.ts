import { raised } from './applied-position.ts'
import type { MergeContext } from './merge-strategy.ts'

/**
 * Takes superseded versions out of the stage, so that each key has its newest one. Keys are equal when the target's collation says so.
 * Idempotent. A stage whose sequence numbers were not seen to rise strictly is looked through for one that stands twice.
 */
export function keepNewestVersions(context: MergeContext, options: { readonly ascending: boolean }): readonly string[] {
  const keys = context.columns.filter((column) => column.key).map((column) => `v.${column.stage}`)
  return [
    ...(options.ascending
      ? []
      : [
          `IF EXISTS (SELECT v.[seq] FROM ${context.stage} AS v GROUP BY v.[seq] HAVING COUNT_BIG(*) > 1)`,
          `  THROW ${raised.repeatedSequence}, N'icebridge: a sequence number stands twice in the unit', 1;`,
        ]),
    `DELETE FROM ${context.stage} WHERE [seq] IN (SELECT n.[seq] FROM (`,
    `  SELECT v.[seq], ROW_NUMBER() OVER (PARTITION BY ${keys.join(', ')} ORDER BY v.[seq] DESC) AS [newness]`,
    `  FROM ${context.stage} AS v) AS n WHERE n.[newness] > 1);`,
  ]
}
