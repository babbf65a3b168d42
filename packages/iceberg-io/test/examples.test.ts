import { expect, it, vi } from 'vitest'

it('runs the example of the README', async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/append-and-read.ts')
  expect(printed).toHaveBeenCalledExactlyOnceWith(9_007_199_254_740_993n)
})
