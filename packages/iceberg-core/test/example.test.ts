import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.restoreAllMocks()
})

test("the README's example runs", async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/append-and-scan.ts')
  expect(printed).toHaveBeenCalledExactlyOnceWith(['/b.parquet'])
})

test('the example of changes and expiry runs', async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/change-and-expire.ts')
  expect(printed).toHaveBeenCalledExactlyOnceWith(['placed', 'id'], 3, 1)
})
