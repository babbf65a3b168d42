import { join } from 'node:path'
import { expect, test } from 'vitest'
import { example } from '../examples/file-store.ts'
import { temporaryFolder } from './fixture.ts'

test("the README's example runs", async () => {
  await using folder = await temporaryFolder()
  expect(await example(join(folder.path, 'watermarks.json'))).toBe('0x00000000000007d1')
})
