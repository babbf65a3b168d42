import { UpdateInsertMergeStrategy, UpsertMergeStrategy } from '@icebridge/sqlserver-import'
import { mergeStrategyConformance, straightLoadConformance } from '@icebridge/sqlserver-import/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { TargetServer } from './target-server.ts'

let targets: TargetServer
beforeAll(async () => {
  targets = await TargetServer.open()
})
afterAll(async () => await targets.close())

describe.each([
  ['upsert-merge', () => new UpsertMergeStrategy()],
  ['update-insert', () => new UpdateInsertMergeStrategy()],
])('the merge strategy %s', (_, strategy) => {
  for (const { name, run } of mergeStrategyConformance({ strategy, open: async () => await targets.database() })) {
    test(name, run, 120_000)
  }
})

describe('a straight load', () => {
  for (const { name, run } of straightLoadConformance({ open: async () => await targets.database() })) test(name, run)
})
