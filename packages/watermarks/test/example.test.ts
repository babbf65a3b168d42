import { expect, test, vi } from 'vitest'

test("the README's example runs", async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/file-store.ts')
  expect(printed).toHaveBeenCalledExactlyOnceWith('0x00000000000007d1')
})
