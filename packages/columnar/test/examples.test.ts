import { expect, it, vi } from 'vitest'

it('runs the example of the README', async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/build-and-read.ts')
  expect(printed.mock.calls).toEqual([[12345678901234567890123456780000000001n], [null]])
})
