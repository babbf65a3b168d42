import {
  type BulkColumn,
  type Engine,
  type Parameter,
  type ResultColumn,
  type ResultSink,
  SandboxSqlError,
  type Session,
  type SqlValue,
} from '@icebridge/sqlserver-sandbox'

export interface Script {
  /** Answers a batch; anything it does not know answers nothing. */
  batch?(text: string, parameters: readonly Parameter[], sink: ResultSink, signal: AbortSignal): Promise<void> | void
  readonly bulkColumns?: readonly BulkColumn[]
  bulkRows?(rows: readonly (readonly SqlValue[])[]): Promise<void> | void
}

/** An engine without SQL: it answers as the test's script says, and records what it was asked. */
export function fakeEngine(script: Script = {}): Engine & { readonly log: string[] } {
  const log: string[] = []
  let descriptor = 0n
  return {
    log,
    login(login) {
      if (login.password !== 'secret') {
        throw failure(18456, `Login failed for user '${login.userName}'.`, 14)
      }
      if (login.database === 'Missing')
        throw failure(4060, 'Cannot open database "Missing" requested by the login.', 11)
      const session: Session = {
        database: login.database ?? 'master',
        async execute(text, parameters, sink, signal) {
          // The settings that the driver sends when it connects.
          if (text.startsWith('set ansi_nulls')) return
          log.push(text)
          await script.batch?.(text, parameters, sink, signal)
        },
        bulkLoad(statement) {
          log.push(statement)
          let count = 0
          return Promise.resolve({
            columns: script.bulkColumns ?? [],
            async write(rows) {
              count += rows.length
              await script.bulkRows?.(rows)
            },
            finish: () => {
              log.push(`bulk finish ${count}`)
              return Promise.resolve(count)
            },
            abort: () => {
              log.push('bulk abort')
              return Promise.resolve()
            },
          })
        },
        begin(isolation, sink) {
          log.push(`begin ${isolation ?? ''}`.trim())
          sink.transactionChanged({ kind: 'begin', descriptor: ++descriptor })
          return Promise.resolve()
        },
        commit(sink) {
          log.push('commit')
          sink.transactionChanged({ kind: 'commit', descriptor })
          return Promise.resolve()
        },
        rollback(sink, savepoint) {
          log.push(`rollback ${savepoint ?? ''}`.trim())
          if (savepoint === undefined) sink.transactionChanged({ kind: 'rollback', descriptor })
          return Promise.resolve()
        },
        save(savepoint) {
          log.push(`save ${savepoint}`)
          return Promise.resolve()
        },
        reset() {
          log.push('reset')
          return Promise.resolve()
        },
        close() {
          log.push('close')
          return Promise.resolve()
        },
      }
      return Promise.resolve(session)
    },
    close: () => Promise.resolve(),
  }
}

export async function select(
  sink: ResultSink,
  columns: readonly ResultColumn[],
  rows: readonly (readonly SqlValue[])[],
): Promise<void> {
  await sink.columns(columns)
  await sink.rows({
    rowCount: rows.length,
    cells: columns.map((_, column) => (row: number) => rows[row]?.[column] ?? null),
  })
  await sink.done({ kind: 'select', rowCount: rows.length })
}

export function failure(number: number, message: string, severity = 16): SandboxSqlError {
  return new SandboxSqlError({ number, message, severity, state: 1, line: 1 })
}
