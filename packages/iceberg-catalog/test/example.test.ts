import { expect, test } from 'vitest'
import { example } from '../examples/sqlite.ts'
import { sqliteFixture } from './fixture.ts'

test("the README's example runs", async () => {
  await using fixture = await sqliteFixture()
  expect(await example(fixture.folder, fixture.io)).toBe(`${fixture.folder}/warehouse/shop/orders`)
})
