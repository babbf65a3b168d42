import { TimestampChangeDetection } from '@icebridge/change-detection'
import { changeDetectionConformance, sampleColumn, sampleTable } from '@icebridge/change-detection/testing'
import { describe, expect, test } from 'vitest'

const table = (type: string, scale?: number, more: object = {}) =>
  sampleTable([
    { name: 'changed_at', type: { name: type as 'datetime2', ...(scale === undefined ? {} : { scale }) }, ...more },
  ])
const strategy = new TimestampChangeDetection({ column: 'changed_at' })
const fine = (clock: string, type = 'datetime2(7)') => ({ clock, coarse: null, type })

describe.each([
  ['datetime2', 7, 'datetime2(7)'],
  ['datetime2', 0, 'datetime2(0)'],
  ['datetimeoffset', 3, 'datetimeoffset(3)'],
  ['smalldatetime', undefined, 'smalldatetime'],
  ['date', undefined, 'date'],
  ['datetime', undefined, 'datetime'],
])('TimestampChangeDetection on %s(%s) as a ChangeDetectionStrategy', (name, scale, type) => {
  const days = ['2024-02-29', '2025-12-31', '2026-11-23']
  const answers = days.map((day) => {
    const clock = `${day}T13:14:15.9999999`
    return { clock, coarse: name === 'datetime' ? `${day}T13:14:15.997` : null, type }
  })
  test.each(changeDetectionConformance({ strategy, table: table(name, scale), answers }))('$name', ({ run }) => run())
})

test.each([
  ['datetime2(7)', '2026-11-23T10:20:30.1234567', '2026-11-23T10:20:30.1234567'],
  ['datetime2(3)', '2026-11-23T10:20:30.1239999', '2026-11-23T10:20:30.1230000'],
  ['datetime2(0)', '2026-11-23T10:20:59.9999999', '2026-11-23T10:20:59.0000000'],
  ['datetimeoffset(7)', '2026-11-23T10:20:30.1234567', '2026-11-23T10:20:30.1234567+00:00'],
  ['smalldatetime', '2026-11-23T10:20:59.9999999', '2026-11-23T10:20:00.0000000'],
  ['date', '2026-11-23T23:59:59.9999999', '2026-11-23T00:00:00.0000000'],
])('cuts the clock down to the last whole %s', (type, clock, bound) => {
  expect(strategy.upperBound(fine(clock, type), undefined)).toBe(bound)
})

test.each([
  ['.0000000', '.000', '.0000000'],
  ['.0033333', '.003', '.0000000'],
  ['.0033334', '.003', '.0030000'],
  ['.0066666', '.007', '.0030000'],
  ['.0066667', '.007', '.0070000'],
  ['.0100000', '.010', '.0100000'],
  ['.9999999', '.997', '.9970000'],
  ['.0099999', '.003', '.0030000'],
])('cuts the clock %s beside GETDATE() %s down to the datetime %s', (clock, coarse, bound) => {
  const second = '2026-11-23T10:20:30'
  const row = { clock: second + clock, coarse: second + coarse, type: 'datetime' }
  expect(strategy.upperBound(row, undefined)).toBe(second + bound)
})

test('takes the lag off the clock', () => {
  const late = new TimestampChangeDetection({ column: 'changed_at', lagMs: 1_500 })
  expect(late.upperBound(fine('2026-01-01T00:00:01.0000001'), undefined)).toBe('2025-12-31T23:59:59.5000001')
})

test('stays at the watermark while the clock is past it by less than the lag or a tick', () => {
  const late = new TimestampChangeDetection({ column: 'changed_at', lagMs: 60_000 })
  const low = '2026-11-23T10:20:30.0000000'
  const bound = late.upperBound(fine('2026-11-23T10:20:31.0000000'), low)
  expect(bound).toBe(low)
  expect(late.isEmpty(low, bound)).toBe(true)
  expect(strategy.upperBound(fine('2026-11-23T10:20:30.0000000'), low)).toBe(low)
})

test.each([
  ['utc', 'set back'],
  ['local', 'summer time'],
] as const)('refuses a %s clock behind the watermark', (clock, hint) => {
  const set = new TimestampChangeDetection({ column: 'changed_at', clock })
  expect(() => set.upperBound(fine('2026-11-23T10:20:29.9999999'), '2026-11-23T10:20:30.0000000')).toThrow(
    expect.objectContaining({ code: 'source-went-back', hint: expect.stringContaining(hint) }),
  )
})

test('asks the clock that the column is filled from, with the type beside it', () => {
  const text = (options: object, definition: ReturnType<typeof table>) =>
    new TimestampChangeDetection({ column: 'changed_at', ...options }).upperBoundQuery(definition).text
  expect(text({}, table('datetime2', 7))).toBe(
    "SELECT SYSUTCDATETIME() AS [clock], NULL AS [coarse], 'datetime2(7)' AS [type]",
  )
  expect(text({ clock: 'local' }, table('datetime2', 3))).toMatch(/SYSDATETIME\(\) AS \[clock\], NULL/)
  expect(text({ clock: 'local' }, table('datetimeoffset', 7))).toMatch(/SYSUTCDATETIME\(\)/)
  expect(text({}, table('datetime'))).toMatch(/GETUTCDATE\(\) AS \[coarse\]/)
  expect(text({ clock: 'local' }, table('datetime2', 7, { defaultExpression: '(getdate())' }))).toMatch(
    / GETDATE\(\) AS/,
  )
  expect(text({ filledBy: 'getdate' }, table('date'))).toMatch(/GETUTCDATE\(\)/)
  expect(text({ filledBy: 'sysdatetime' }, table('datetime'))).toMatch(/NULL AS \[coarse\]/)
})

test('binds the ends in the type of the column, under a lock hint', () => {
  const range = { low: '2026-11-23T10:20:30.0030000', high: '2026-11-23T10:21:00.0070000' }
  const bind = (name: string, scale?: number, suffix = '') =>
    strategy
      .changesQuery(table(name, scale), { low: range.low + suffix, high: range.high + suffix }, [])
      .parameters?.map(({ type, value }) => [type, value])
  expect(bind('datetime2', 7)).toEqual([
    [{ name: 'datetime2', scale: 7 }, '2026-11-23T10:20:30.0030000'],
    [{ name: 'datetime2', scale: 7 }, '2026-11-23T10:21:00.0070000'],
  ])
  expect(bind('datetime2', 0)?.map(([, value]) => value)).toEqual(['2026-11-23T10:20:30', '2026-11-23T10:21:00'])
  expect(bind('datetime')?.map(([, value]) => value)).toEqual(['2026-11-23T10:20:30.003', '2026-11-23T10:21:00.007'])
  expect(bind('smalldatetime')?.map(([, value]) => value)).toEqual(['2026-11-23T10:20:00', '2026-11-23T10:21:00'])
  expect(bind('date')?.map(([, value]) => value)).toEqual(['2026-11-23', '2026-11-23'])
  expect(bind('datetimeoffset', 2, '+00:00')?.map(([, value]) => value)).toEqual([
    '2026-11-23T10:20:30.00+00:00',
    '2026-11-23T10:21:00.00+00:00',
  ])
  expect(strategy.changesQuery(table('datetime2', 7), range, [sampleColumn('id')]).text).toBe(
    "SELECT [t].[id] AS [c0], REPLACE(CONVERT(char(27), CONVERT(datetime2(7), [t].[changed_at]), 121), ' ', 'T') AS [c1] " +
      'FROM [dbo].[orders] AS [t] WITH (READCOMMITTEDLOCK) ' +
      'WHERE [t].[changed_at] >= @low AND [t].[changed_at] < @high',
  )
  expect(strategy.changesQuery({ ...table('datetime'), memoryOptimized: true }, range, []).text).not.toContain('WITH')
})

test('reads again below the watermark by the overlap, and only then has something in an empty range', () => {
  const overlapping = new TimestampChangeDetection({ column: 'changed_at', overlapMs: 60_000 })
  const low = '2026-11-23T00:00:30.0000000'
  const { parameters } = overlapping.changesQuery(table('datetime2', 7), { low, high: low }, [])
  expect(parameters?.map(({ value }) => value)).toEqual(['2026-11-22T23:59:30.0000000', '2026-11-23T00:00:30.0000000'])
  expect(overlapping.isEmpty(low, low)).toBe(false)
  expect(strategy.isEmpty(low, low)).toBe(true)
})

test('counts the rows that wait for the clock', () => {
  expect(strategy.waitingQuery(table('datetime2', 7), '2026-11-23T10:20:30.0000000')).toEqual({
    text: 'SELECT COUNT_BIG(*) AS [waiting], MAX([t].[changed_at]) AS [latest] FROM [dbo].[orders] AS [t] WHERE [t].[changed_at] >= @high',
    parameters: [{ name: 'high', type: { name: 'datetime2', scale: 7 }, value: '2026-11-23T10:20:30.0000000' }],
  })
})

test('collects every problem of the column', () => {
  const codes = (definition: ReturnType<typeof table>, options: object = {}) =>
    new TimestampChangeDetection({ column: 'changed_at', ...options }).validate(definition).map(({ code }) => code)
  expect(codes(table('datetime2', 7))).toEqual([])
  expect(codes(sampleTable([{ name: 'other', type: { name: 'date' } }]))).toEqual(['no-such-column'])
  expect(codes(sampleTable([{ name: 'changed_at', type: { name: 'int' }, nullable: true, masked: true }]))).toEqual([
    'unsupported-column-type',
    'nullable-column',
    'masked-column',
  ])
  expect(codes(table('datetime2', 7, { generatedAlways: 'row-start' }))).toEqual(['transaction-time-column'])
  expect(codes(table('datetime2', 7, { generatedAlways: 'row-start' }), { lagMs: 60_000 })).toEqual([])
})

test('finds the column when its name differs in case only, and prefers the exact one', () => {
  const query = (names: readonly string[]) =>
    strategy.upperBoundQuery(sampleTable(names.map((name, scale) => ({ name, type: { name: 'datetime2', scale } }))))
      .text
  expect(query(['Changed_At'])).toContain('datetime2(0)')
  expect(query(['Changed_At', 'changed_at'])).toContain('datetime2(1)')
  expect(() => query(['Changed_At', 'CHANGED_AT'])).toThrow(expect.objectContaining({ code: 'invalid-table' }))
})

test('refuses a watermark that the column of now cannot have written', () => {
  const range = { low: '2026-11-23T10:20:30.0000000', high: '2026-11-23T10:20:31.0000000+00:00' }
  for (const name of ['datetime2', 'datetimeoffset']) {
    expect(() => strategy.changesQuery(table(name, 7), range, [])).toThrow(
      expect.objectContaining({ code: 'invalid-watermark', hint: expect.stringContaining('Reload') }),
    )
  }
  expect(() => strategy.compare('2026-02-30T00:00:00.0000000', '2026-02-28T00:00:00.0000000')).toThrow(
    'not a timestamp',
  )
})

test.each([{ lagMs: -1 }, { lagMs: 0.5 }, { overlapMs: Number.NaN }])('refuses the option %j', (options) => {
  expect(() => new TimestampChangeDetection({ column: 'c', ...options })).toThrow(
    expect.objectContaining({ code: 'invalid-argument' }),
  )
})
