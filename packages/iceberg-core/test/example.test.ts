import { expect, test, vi } from 'vitest'

test("the README's example runs", async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/append-and-scan.ts')
  expect(printed).toHaveBeenCalledExactlyOnceWith(['/b.parquet'])
})
