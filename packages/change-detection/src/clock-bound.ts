import type { SqlType, SqlValue } from '@icebridge/sqlserver'
import { ChangeDetectionError } from './errors.ts'
import type { Watermark } from './strategy.ts'
import {
  floorTo,
  isTemporal,
  nearestThirds,
  parseTicks,
  thirdsBefore,
  ticksOfThirds,
  valueOf,
  watermarkText,
  type Ticks,
} from './temporal-type.ts'

export interface BoundOptions {
  readonly lagMs: number
  readonly low: Watermark | undefined
  readonly clock: 'utc' | 'local'
}

/**
 * The exclusive upper bound from a reading of the server's clocks: the last value of the column's type that no row to come can
 * be below. `row` has `clock` (a datetime2), `coarse` (a datetime, or null where the column is not filled from it) and `type`.
 */
export function readBound(row: Readonly<Record<string, SqlValue>>, options: BoundOptions): Watermark {
  const type = readType(row['type'])
  const fine = reading(row, 'clock')
  const high =
    row['coarse'] === null
      ? floorTo(type, fine - BigInt(options.lagMs) * 10_000n)
      : coarseBound(type, { fine, coarse: reading(row, 'coarse'), lagMs: options.lagMs })
  if (options.low === undefined) return watermarkText(type, high)
  const low = ticksOf(options.low, type)
  if (floorTo(type, fine) < valueOf(type, low)) throw wentBack(type, fine, options)
  // The clock has not passed the watermark by the lag, or by a tick, yet: nothing to read so far.
  return watermarkText(type, high < valueOf(type, low) ? valueOf(type, low) : high)
}

/**
 * The instant of a watermark.
 * @throws ChangeDetectionError `invalid-watermark` when it is not one, or not one of a column of `type`.
 */
export function ticksOf(watermark: Watermark, type?: SqlType): Ticks {
  const ticks = parseTicks(watermark)
  if (ticks === undefined) {
    throw new ChangeDetectionError('invalid-watermark', `${JSON.stringify(watermark)} is not a timestamp watermark`, {
      context: { watermark },
      hint: 'It was written under another strategy or by hand. Reload the table to start anew.',
    })
  }
  const offset = /[Z+-]\d*:?\d*$/.test(watermark.slice(19))
  if (type !== undefined && offset !== (type.name === 'datetimeoffset')) {
    throw new ChangeDetectionError(
      'invalid-watermark',
      `The watermark ${watermark} is not one of a ${type.name} column`,
      {
        context: { watermark, type: type.name },
        hint: 'The type of the column has changed, and with it the clock. Reload the table.',
      },
    )
  }
  return ticks
}

function reading(row: Readonly<Record<string, SqlValue>>, name: 'clock' | 'coarse'): Ticks {
  const value = row[name]
  const ticks = typeof value === 'string' ? parseTicks(value) : undefined
  if (ticks !== undefined) return ticks
  throw new ChangeDetectionError('invalid-bound', `The source gave no date and time for its ${name}`)
}

/** Reads `datetime2(3)` and its like. */
function readType(value: SqlValue | undefined): SqlType {
  const match = typeof value === 'string' ? /^([a-z0-9]+)(?:\((\d)\))?$/.exec(value.trim()) : null
  const [, name = '', scale] = match ?? []
  if (isTemporal(name)) return scale === undefined ? { name } : { name, scale: Number(scale) }
  throw new ChangeDetectionError('invalid-bound', 'The source gave no type for the column')
}

/** GETDATE() rounds to its own tick, and is read apart from the finer clock: a row to come may carry either. */
function coarseBound(
  type: SqlType,
  readings: { readonly fine: Ticks; readonly coarse: Ticks; readonly lagMs: number },
): Ticks {
  const [fine, coarse] = [thirdsBefore(readings.fine), nearestThirds(readings.coarse)]
  const lag = (BigInt(readings.lagMs) * 3n + 9n) / 10n
  const ticks = ticksOfThirds((fine < coarse ? fine : coarse) - lag)
  return type.name === 'datetime' ? ticks : floorTo(type, ticks)
}

function wentBack(type: SqlType, clock: Ticks, options: BoundOptions): ChangeDetectionError {
  const now = watermarkText(type, floorTo(type, clock))
  const watermark = options.low ?? ''
  return new ChangeDetectionError(
    'source-went-back',
    `The source's clock is at ${now}, before ${watermark} reached earlier`,
    {
      context: { bound: now, watermark },
      hint:
        options.clock === 'local'
          ? 'Local time goes back when summer time ends: wait until it has passed the watermark, then reload what changed meanwhile, or keep UTC in the column.'
          : 'The clock was set back, or the source is another server. Wait until it has passed the watermark, or reload the table.',
    },
  )
}
