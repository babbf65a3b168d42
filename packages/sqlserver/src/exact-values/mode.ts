import { SqlServerError } from '../errors.ts'
import { driverVersion, installRawValues, testedDriverVersion } from './raw-values.ts'
import { installRowReader } from './row-reader.ts'

/**
 * How exact values are had from the driver. `convert`: the server converts what the driver would round; it rests on nothing but the
 * driver's documented behaviour. `driver`: the driver's parser is wrapped so that connections of this package get raw values; faster,
 * and it rests on the inside of one version of the driver.
 */
export type ExactValues = 'convert' | 'driver'

let mode: ExactValues = 'convert'

/** The mode in force. */
export function exactValues(): ExactValues {
  return mode
}

/**
 * Chooses how this process has exact values; `convert` until then. To be called before anything is connected or planned: connections
 * that are open, and read columns that exist, keep the mode in which they were made.
 *
 * @throws {SqlServerError} `driver-inexact` when `driver` is asked for and the installed tedious is not the version that it was
 * written for. Every {@link SqlServer.connect} then proves on known values that the mode works.
 */
export function useExactValues(choice: ExactValues): void {
  if (choice === 'driver') {
    const version = driverVersion()
    if (version !== testedDriverVersion) {
      throw new SqlServerError(
        'driver-inexact',
        `raw values are known of tedious ${testedDriverVersion}, not of ${version}`,
        {
          hint: `Install tedious ${testedDriverVersion}, or stay with useExactValues('convert').`,
        },
      )
    }
    installRawValues()
    installRowReader()
  }
  mode = choice
}
