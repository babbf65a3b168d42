import { strategyFor } from '@icebridge/change-detection'
import { sampleTable } from '@icebridge/change-detection/testing'
import { expect, test, vi } from 'vitest'

const plain = sampleTable([{ name: 'changed_at', type: { name: 'datetime2', scale: 7 } }])
const versioned = sampleTable([{ name: 'rv', type: { name: 'rowversion' } }])

test('auto takes the rowversion column and never guesses a timestamp', () => {
  expect(strategyFor({ kind: 'auto' }, versioned).name).toBe('rowversion')
  expect(() => strategyFor({ kind: 'auto' }, plain)).toThrow(
    expect.objectContaining({ code: 'no-strategy', hint: expect.stringContaining('rowversion column') }),
  )
})

test('a chosen strategy is given as it was chosen, its problems left to validate', () => {
  expect(strategyFor({ kind: 'rowversion' }, plain).validate(plain)).toHaveLength(1)
  const timestamp = strategyFor({ kind: 'timestamp', column: 'changed_at', lagMs: 1_000 }, plain)
  expect(timestamp.validate(plain)).toEqual([])
  expect(timestamp.upperBound({ clock: '2026-01-01T00:00:01', coarse: null, type: 'datetime2(0)' }, undefined)).toBe(
    '2026-01-01T00:00:00.0000000',
  )
})

test("the README's example runs", async () => {
  const printed = vi.spyOn(console, 'log').mockReturnValue()
  await import('../examples/changes.ts')
  expect(printed).toHaveBeenCalledExactlyOnceWith(
    expect.stringContaining('WHERE [t].[rv] >= @low AND [t].[rv] < @high'),
  )
})
