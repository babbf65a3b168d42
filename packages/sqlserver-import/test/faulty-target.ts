import { SqlServerError } from '@icebridge/sqlserver'
import type { SqlConnection, SqlServer } from '@icebridge/sqlserver'
import type { Target, TargetConnection } from '@icebridge/sqlserver-import'

/** One thing that the importer does with a target; `text` is the batch's. */
export interface Call {
  readonly verb: 'connect' | 'batch' | 'bulkLoad'
  readonly text: string
}

/**
 * What becomes of a call: it passes; the connection is lost before the server has it, or after the server did it and before the
 * answer came, or while it is going on; or the server answers with an error and does nothing.
 */
export type Fate = 'pass' | 'lost before' | 'lost after' | 'lost during' | SqlServerError

/** A real target whose connections break where a test says so, with a record of what was asked of it. */
export class FaultyTarget implements Target {
  readonly calls: Call[] = []
  readonly #server: SqlServer
  readonly #fate: (call: Call, nth: number) => Fate

  /** `fate` is asked for each call; `nth` counts the calls of its verb, from 1. */
  constructor(server: SqlServer, fate: (call: Call, nth: number) => Fate) {
    this.#server = server
    this.#fate = fate
  }

  query: Target['query'] = async (sql, options) => await this.#server.query(sql, options)
  batch: Target['batch'] = async (sql, options) => await this.#server.batch(sql, options)

  async connection(options?: { readonly signal?: AbortSignal }): Promise<TargetConnection> {
    const fate = this.#next({ verb: 'connect', text: '' })
    if (fate !== 'pass') throw fate instanceof SqlServerError ? fate : lost()
    const connection = await this.#server.connection(options)
    return {
      batch: async (sql, more) => {
        const next = this.#next({ verb: 'batch', text: sql })
        return await suffer(connection, next, async () => await connection.batch(sql, more))
      },
      bulkLoad: async (target, batches, more) => {
        const next = this.#next({ verb: 'bulkLoad', text: target.table })
        const rows = next === 'lost during' ? breaking(connection, batches) : batches
        return await suffer(connection, next, async () => await connection.bulkLoad(target, rows, more))
      },
      close: async () => await connection.close(),
      destroy: () => connection.destroy(),
    }
  }

  count(verb: Call['verb']): number {
    return this.calls.filter((call) => call.verb === verb).length
  }

  #next(call: Call): Fate {
    this.calls.push(call)
    return this.#fate(call, this.count(call.verb))
  }
}

export function lost(): SqlServerError {
  return new SqlServerError('connection-lost', 'the connection was lost', { retryable: true })
}

export function deadlock(): SqlServerError {
  return new SqlServerError('deadlock', 'chosen as the deadlock victim', { retryable: true, context: { number: 1205 } })
}

async function suffer<T>(connection: SqlConnection, fate: Fate, run: () => Promise<T>): Promise<T> {
  if (fate instanceof SqlServerError) throw fate
  if (fate === 'lost before') {
    connection.destroy()
    throw lost()
  }
  const result = await run()
  if (fate === 'pass') return result
  connection.destroy()
  throw lost()
}

async function* breaking<T>(connection: SqlConnection, batches: AsyncIterable<T>): AsyncGenerator<T> {
  let first = true
  for await (const batch of batches) {
    yield batch
    if (first) connection.destroy()
    first = false
  }
}
