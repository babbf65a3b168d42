import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { example } from '../examples/local.ts'

test("the README's example runs", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-fileio-'))
  try {
    expect(await example(folder)).toBe('hello')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
