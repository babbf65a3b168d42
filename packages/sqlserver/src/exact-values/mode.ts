import { SqlServerError } from '../errors.ts'
import { driverVersion, installRawValues, testedDriverVersion } from './raw-values.ts'
import { installRowReader } from './row-reader.ts'
import { installWireFeed } from './wire-feed.ts'

/**
 * How exact values are had from the driver. `convert`: the server converts what the driver would round; it rests on nothing but the
 * driver's documented behaviour. `driver`: the driver's parser is wrapped so that connections of this package get raw values; faster,
 * and it rests on the inside of one version of the driver.
 */
export type ExactValues = 'convert' | 'driver'

/** The mode in force, and why it is `convert` where nobody asked for that. */
export interface ExactReading {
  readonly mode: ExactValues
  readonly reason: string | undefined
}

let reading: (ExactReading & { readonly chosen: boolean }) | undefined

/**
 * The mode in force. Unless {@link useExactValues} has chosen one it is `driver` where the installed driver is the version that this
 * package was tested with, and its values have come back as they were written wherever something was connected; else `convert`.
 */
export function exactReading(): ExactReading {
  if (reading === undefined) {
    const reason = unknownDriver()
    if (reason === undefined) install()
    reading = { mode: reason === undefined ? 'driver' : 'convert', reason, chosen: false }
  }
  return { mode: reading.mode, reason: reading.reason }
}

/** The mode of {@link exactReading}. */
export function exactValues(): ExactValues {
  return exactReading().mode
}

/**
 * Chooses how this process has exact values, for tests and for who must know what is sent to the server. To be called before
 * anything is connected or planned: connections that are open, and read columns that exist, keep the mode in which they were made.
 *
 * @throws {SqlServerError} `driver-inexact` when `driver` is asked for and the installed tedious is not the version that it was
 * written for. Every {@link SqlServer.connect} then proves on known values that the mode works.
 */
export function useExactValues(choice: ExactValues): void {
  if (choice === 'driver') {
    const reason = unknownDriver()
    if (reason !== undefined) {
      throw new SqlServerError('driver-inexact', reason, {
        hint: `Install tedious ${testedDriverVersion}, or stay with useExactValues('convert').`,
      })
    }
    install()
  }
  reading = { mode: choice, reason: undefined, chosen: true }
}

/**
 * Goes over to `convert` because the driver's raw values are not what they should be. False when `convert` is in force or `driver`
 * was asked for by name: then there is nothing to fall back on.
 */
export function fallBack(reason: string): boolean {
  if (exactValues() === 'convert' || reading?.chosen === true) return false
  reading = { mode: 'convert', reason, chosen: false }
  return true
}

function unknownDriver(): string | undefined {
  const version = driverVersion()
  if (version === testedDriverVersion) return undefined
  return `raw values are known of tedious ${testedDriverVersion}, not of ${version}`
}

function install(): void {
  installRawValues()
  installRowReader()
  installWireFeed()
}
