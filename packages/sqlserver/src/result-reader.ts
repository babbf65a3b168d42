import { isRaw } from './exact-values/raw-values.ts'
import { rowMaker, type Row } from './exact-values/row-values.ts'
import type { ResultSink, Session, Statement } from './session.ts'

/** The whole answer of a batch. */
export interface BatchResult {
  /** The rows of each statement that returned some, in order. */
  readonly resultSets: readonly (readonly Row[])[]
}

/**
 * Runs a statement and gathers its whole answer in memory: for small results.
 *
 * @throws {SqlServerError} as the session does; `driver-inexact` for values that the driver would round.
 */
export async function readResult(session: Session, statement: Statement): Promise<BatchResult> {
  const resultSets: Row[][] = []
  const raw = isRaw(session.connection)
  let make: ReturnType<typeof rowMaker> | undefined
  let failure: { readonly error: unknown } | undefined
  const guard = (work: () => void): void => {
    if (failure !== undefined) return
    try {
      work()
    } catch (error) {
      // The driver takes a throwing listener for a broken connection, so the error waits for the end of the answer.
      failure = { error }
    }
  }
  const sink: ResultSink = {
    columns: (columns) =>
      guard(() => {
        make = rowMaker(columns, raw)
        resultSets.push([])
      }),
    row: (cells) =>
      guard(() => {
        if (make !== undefined) resultSets.at(-1)?.push(make(cells))
      }),
  }
  await session.start(statement, sink).done
  if (failure !== undefined) throw failure.error
  return { resultSets }
}
