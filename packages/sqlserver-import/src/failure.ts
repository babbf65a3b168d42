import { classify } from '@icebridge/sqlserver'
import { raised } from './applied-position.ts'
import { ImportError } from './errors.ts'
import { isAboutRow } from './row-errors.ts'

/**
 * What an error says about a unit.
 * - `repeat`: the server answered that it did nothing; connection and stage are as they were.
 * - `restage`: the connection is gone, and the transaction had not begun.
 * - `unknown`: the connection is gone or silent while the transaction may have committed.
 * - `widen`: a row was refused, by the server with `number` or because its value does not fit; rows further on may mend that.
 * - `fatal`: nothing was written, and a repetition would end the same.
 */
export type Failure =
  | { readonly kind: 'repeat' | 'restage' | 'unknown'; readonly error: unknown }
  | { readonly kind: 'widen'; readonly number: number | undefined; readonly error: unknown }
  | { readonly kind: 'fatal'; readonly error: unknown }

/** Total: every error is one of the five. `phase` is what was going on when it was thrown. */
export function failureOf(error: unknown, phase: 'stage' | 'merge', target: string): Failure {
  if (error instanceof ImportError) {
    return error.code === 'value-does-not-fit' ? { kind: 'widen', number: undefined, error } : { kind: 'fatal', error }
  }
  const { kind, retryable, number } = classify(error)
  const own = number === undefined ? undefined : ownError(number, target, error)
  if (own !== undefined) return { kind: own.retryable ? 'repeat' : 'fatal', error: own }
  if (phase === 'merge' && number !== undefined && isAboutRow(number)) return { kind: 'widen', number, error }
  // No error number, no answer: the batch may have run to its end. A lock time-out (1222) is an answer.
  if (phase === 'merge' && number === undefined) return { kind: 'unknown', error }
  if (number !== undefined && retryable) return { kind: 'repeat', error }
  if (retryable || kind === 'connection-lost' || kind === 'timeout') return { kind: 'restage', error }
  return { kind: 'fatal', error }
}

function ownError(number: number, target: string, cause: unknown): ImportError | undefined {
  const context = { target, number }
  switch (number) {
    case raised.lockNotGranted:
      return new ImportError('locked', `another importer holds the lock of ${target}`, {
        hint: 'Wait for the other importer, or raise the lock time-out.',
        retryable: true,
        context,
        cause,
      })
    case raised.lockFailed:
      return new ImportError('locked', `the application lock of ${target} could not be asked for`, {
        hint: 'The login needs EXECUTE on sys.sp_getapplock, which the public role has by default.',
        context,
        cause,
      })
    case raised.targetReplaced:
      return new ImportError(
        'target-replaced',
        `${target} is not the table that its applied position was written for`,
        {
          hint: `The table was dropped and made again. To load it from the beginning, delete its row from icebridge.applied.`,
          context,
          cause,
        },
      )
    case raised.targetChanged:
      return new ImportError('target-changed', `${target} was altered after its plan was made`, {
        hint: 'Plan again: a column has another type, size or collation now.',
        context,
        cause,
      })
    case raised.repeatedSequence:
      return new ImportError('malformed-unit', `a sequence number stands twice in a unit for ${target}`, {
        hint: 'The journal was written by somebody else. Compare its rows with the source, then rebuild it.',
        context,
        cause,
      })
    case raised.newerVersion:
      return new ImportError('newer-version', `the applied position of ${target} was written by a newer icebridge`, {
        hint: 'Upgrade icebridge here to the version that runs elsewhere.',
        context,
        cause,
      })
    default:
      return undefined
  }
}
