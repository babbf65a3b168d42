import { expect, test, vi } from 'vitest'

test("the README's example runs", async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/sqlite.ts')
  expect(printed).toHaveBeenCalledExactlyOnceWith('/shop/orders')
})
