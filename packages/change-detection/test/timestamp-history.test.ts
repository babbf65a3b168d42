import { TimestampChangeDetection, type TimestampOptions } from '@icebridge/change-detection'
import { sampleTable } from '@icebridge/change-detection/testing'
import { expect, test } from 'vitest'
import { below, seeded, seeds } from './random.ts'

/** Instants count 100 ns, from a second that is whole in every type. */
const ORIGIN = Date.UTC(2026, 10, 23, 10, 0, 0)
const SECOND = 10_000_000

interface ColumnModel {
  readonly type: string
  readonly scale?: number
  /** What the server stores for an instant. */
  store(at: number): number
}

const nearest = (tick: number) => (at: number) => Math.round(at / tick) * tick
const third = (at: number): number => Math.floor((Math.round((at * 3) / 100_000) * 100_000) / 3)

const columns: readonly ColumnModel[] = [
  { type: 'datetime2', scale: 7, store: (at) => at },
  { type: 'datetime2', scale: 3, store: nearest(SECOND / 1000) },
  { type: 'datetime2', scale: 0, store: nearest(SECOND) },
  { type: 'datetimeoffset', scale: 4, store: nearest(SECOND / 10_000) },
  { type: 'datetime', store: third },
  { type: 'smalldatetime', store: nearest(60 * SECOND) },
  {
    type: 'date',
    store: (at) => Math.floor((at + 36_000 * SECOND) / (86_400 * SECOND)) * 86_400 * SECOND - 36_000 * SECOND,
  },
]

function text(at: number): string {
  const seconds = Math.floor(at / SECOND)
  const iso = new Date(ORIGIN + seconds * 1000).toISOString().slice(0, 19)
  return `${iso}.${String(at - seconds * SECOND).padStart(7, '0')}`
}

/** Reads a parameter as the server would: `datetime` means the 1/300 s nearest to its text. */
function instant(value: unknown, type: string): number {
  const [, seconds = '', fraction = ''] = /^(\S{10}(?:T[\d:]{8})?)(?:\.(\d+))?/.exec(String(value)) ?? []
  const whole = Date.parse(seconds.length === 10 ? `${seconds}T00:00:00Z` : `${seconds}Z`)
  const at = ((whole - ORIGIN) / 1000) * SECOND + Number(fraction.padEnd(7, '0'))
  return type === 'datetime' ? third(at) : at
}

interface World {
  readonly column: ColumnModel
  readonly options: Partial<TimestampOptions>
  /** GETDATE() fills the column: its clock is this far behind the other and counts 1/300 s. */
  readonly getdateBehind?: number
  /** Longest time from a row's timestamp to its commit; the reader does not see it before. */
  readonly longest?: number
  /** Steps of time between two events. */
  readonly step: number
}

/** Runs a random history with extracts in between; gives the keys whose final version was not read, or not read last. */
function history(seed: number, world: World): readonly number[] {
  const random = seeded(seed)
  const { column, step, longest = 0 } = world
  const strategy = new TimestampChangeDetection({ column: 'at', ...world.options })
  const type = { name: column.type as 'datetime2', ...(column.scale === undefined ? {} : { scale: column.scale }) }
  const table = sampleTable([{ name: 'at', type }])
  const getdate = (at: number): number => third(at - (world.getdateBehind ?? 0))
  const stamp = (at: number): number => column.store(world.getdateBehind === undefined ? at : getdate(at))
  const asksCoarse = !strategy.upperBoundQuery(table).text.includes('NULL AS [coarse]')
  const typeText = column.scale === undefined ? column.type : `${column.type}(${column.scale})`

  let now = below(random, 1_000_000_000)
  let version = 0
  const committed = new Map<number, { at: number; version: number }>()
  const open: { key: number; at: number; version: number; until: number }[] = []
  const read = new Map<number, number[]>()
  let low: string | undefined
  let high: string | undefined

  const settle = (): void => {
    for (const row of open.filter(({ until }) => until <= now)) {
      committed.set(row.key, row)
      open.splice(open.indexOf(row), 1)
    }
  }
  const take = (): void => {
    const coarse = asksCoarse ? text(getdate(now)).slice(0, 23) : null
    // A datetime's text has .003 and .007 for its thirds.
    const shown = coarse?.replace(/\d{3}$/, (digits) => ({ '6': `${digits.slice(0, 2)}7` })[digits.slice(2)] ?? digits)
    high ??= strategy.upperBound({ clock: text(now), coarse: shown ?? null, type: typeText }, low)
  }
  const scan = (): void => {
    if (high === undefined) return
    if (!strategy.isEmpty(low, high)) {
      const { parameters = [] } = strategy.changesQuery(table, { low, high }, [])
      const bound = (name: string): number | undefined => {
        const found = parameters.find((parameter) => parameter.name === name)
        return found === undefined ? undefined : instant(found.value, column.type)
      }
      const [from = Number.NEGATIVE_INFINITY, to = Number.NaN] = [bound('low'), bound('high')]
      for (const [key, row] of committed) {
        if (row.at >= from && row.at < to) read.set(key, [...(read.get(key) ?? []), row.version])
      }
    }
    low = high
    high = undefined
  }
  for (let turn = 0; turn < 150; turn++) {
    now += random() < 0.3 ? below(random, 4) : below(random, step)
    settle()
    const action = below(random, 10)
    const key = below(random, 6)
    if (action < 6 && !open.some((row) => row.key === key)) {
      open.push({ key, at: stamp(now), version: ++version, until: now + below(random, longest + 1) })
      settle()
    } else if (action < 8) take()
    else scan()
  }
  now += longest
  settle()
  scan()
  now += 3 * 86_400 * SECOND
  take()
  scan()
  return [...committed].filter(([key, row]) => read.get(key)?.at(-1) !== row.version).map(([key]) => key)
}

const named = columns.map((column) => ({ ...column, name: `${column.type}(${column.scale ?? ''})` }))
const steps = [10, 20_000, 400_000, 30 * SECOND, 20_000 * SECOND]
const lost = (world: Omit<World, 'step'>): readonly number[] =>
  seeds.filter((seed) => history(seed, { ...world, step: steps[seed % steps.length] ?? 10 }).length > 0)

test.each(named)('reads every final version of a $name column, ties at the bound included', (column) => {
  expect(lost({ column, options: {} })).toEqual([])
})

test.each(named)(
  'reads every final version when GETDATE() fills a $name column from a clock behind the other',
  (column) => {
    expect(lost({ column, options: { filledBy: 'getdate' }, getdateBehind: 0 })).toEqual([])
    expect(lost({ column, options: { filledBy: 'getdate' }, getdateBehind: 120_000 })).toEqual([])
  },
)

test.each(named)('reads every final version of a $name column when no transaction is longer than the lag', (column) => {
  expect(lost({ column, options: { lagMs: 50 }, longest: 500_000 })).toEqual([])
})

test.each(named)(
  'reads every final version of a $name column when no transaction is longer than the overlap',
  (column) => {
    expect(lost({ column, options: { overlapMs: 50 }, longest: 500_000 })).toEqual([])
  },
)

test('the model is strict: longer transactions, or GETDATE() behind the back of the bound, lose rows', () => {
  const column = columns[0]
  if (column === undefined) throw new Error('no column')
  expect(lost({ column, options: {}, longest: 500_000 }).length).toBeGreaterThan(10)
  expect(lost({ column, options: {}, getdateBehind: 0 }).length).toBeGreaterThan(10)
})
