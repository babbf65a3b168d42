import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SqlServer, useExactValues, type SqlServerConfig } from '@icebridge/sqlserver'
import { openTestServer, type TestServer } from '@icebridge/sqlserver/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { testedDriverVersion } from '../src/exact-values/raw-values.ts'

interface Parsed {
  readonly value: unknown
  readonly offset: number
}
type ReadValue = (buffer: Buffer, offset: number, metadata: { type: { name: string } }, options: unknown) => Parsed

/** The driver's own parser, through the exports by which the driver calls it. */
const parser = createRequire(import.meta.url)('tedious/lib/value-parser.js') as { readValue: ReadValue }

interface Moment {
  readonly days: number
  readonly ticks: number
  readonly offset: number
}

function isMoment(value: unknown): value is Moment {
  return typeof value === 'object' && value !== null && 'ticks' in value
}

/** Another value of the same kind, so near that only a comparison finds it. */
function changed(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value + 1 : value * (1 + 2 ** -20)
  if (typeof value === 'bigint') return value + 1n
  if (typeof value === 'string') return value.replace(/.$/su, (last) => (last === '1' ? '2' : '1'))
  if (value instanceof Date) return new Date(value.getTime() - 86_400_000)
  if (isMoment(value)) return { ...value, ticks: value.ticks - 1 }
  return value instanceof Uint8Array ? Buffer.alloc(value.length) : value
}

const dateTypes = ['Time', 'DateTime2', 'DateTimeOffset']

/** What a driver might do to values: by name, the wire types concerned and the damage. */
const damages: Readonly<Record<string, readonly [types: readonly string[], damage: (value: unknown) => unknown]>> = {
  'changes decimals': [['DecimalN', 'NumericN'], changed],
  'changes money': [['MoneyN', 'Money', 'SmallMoney'], changed],
  'changes integers': [['IntN', 'Int'], changed],
  'rounds bigint': [
    ['IntN', 'BigInt'],
    (value) =>
      typeof value === 'string' ? String(Number(value)) : typeof value === 'bigint' ? BigInt(Number(value)) : value,
  ],
  'changes float': [['FloatN', 'Float'], changed],
  'changes real': [['FloatN', 'Real'], changed],
  'changes date': [['Date'], changed],
  'changes datetime': [['DateTimeN', 'DateTime', 'SmallDateTime'], changed],
  'changes time': [['Time'], changed],
  'changes datetime2': [['DateTime2'], changed],
  'changes datetimeoffset': [['DateTimeOffset'], changed],
  'loses 100 ns': [
    dateTypes,
    (value) => {
      if (isMoment(value)) return { ...value, ticks: value.ticks - (value.ticks % 10) }
      return value instanceof Date ? new Date(value) : value
    },
  ],
  'changes text': [['NVarChar'], changed],
  'changes bytes': [['VarBinary'], changed],
  'changes uniqueidentifier': [['UniqueIdentifier'], changed],
}

let server: TestServer
let config: SqlServerConfig
const sound = parser.readValue
beforeAll(async () => {
  server = await openTestServer()
  config = server.config('master')
})
afterAll(async () => await server[Symbol.asyncDispose]())

it('the lockfile has one tedious, of the version whose inside raw values were tested with', () => {
  const lockfile = readFileSync(join(import.meta.dirname, '../../../pnpm-lock.yaml'), 'utf8')
  const versions = new Set([...lockfile.matchAll(/^ {2}tedious@(\d[^:(]*)/gm)].map(([, version]) => version))
  expect([...versions]).toEqual([testedDriverVersion])
})

describe.each(['convert', 'driver'] as const)('connecting with %s', (mode) => {
  let undamaged = sound
  beforeAll(() => {
    useExactValues(mode)
    undamaged = parser.readValue
  })
  afterEach(() => {
    parser.readValue = undamaged
  })

  it('takes the driver as it is', async () => {
    await (await SqlServer.connect(config)).close()
  })

  it.each(Object.entries(damages))('finds out a driver that %s', async (_, [types, damage]) => {
    let damaged = 0
    parser.readValue = (buffer, at, metadata, options) => {
      const parsed = undamaged(buffer, at, metadata, options)
      if (parsed.value === null || !types.includes(metadata.type.name)) return parsed
      damaged += 1
      return { value: damage(parsed.value), offset: parsed.offset }
    }
    await expect(SqlServer.connect(config)).rejects.toMatchObject({ code: 'driver-inexact' })
    expect(damaged).toBeGreaterThan(0)
  })
})

/** Values that only the raw mode takes from the driver: the other one has the server convert them. */
const rawDamages: Readonly<Record<string, (value: unknown) => unknown>> = {
  'drops offsets': (value) => (isMoment(value) ? { ...value, offset: 0 } : value),
  'rounds what a double cannot hold': (value) => (typeof value === 'bigint' ? BigInt(Number(value)) : value),
}

it.each(Object.entries(rawDamages))('finds out a driver that %s', async (_, damage) => {
  useExactValues('driver')
  const undamaged = parser.readValue
  try {
    parser.readValue = (buffer, at, metadata, options) => {
      const { value, offset } = undamaged(buffer, at, metadata, options)
      return { value: damage(value), offset }
    }
    await expect(SqlServer.connect(config)).rejects.toMatchObject({ code: 'driver-inexact' })
  } finally {
    parser.readValue = undamaged
  }
})
