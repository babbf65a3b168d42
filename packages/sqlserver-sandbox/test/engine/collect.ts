import { createEngine } from '../../src/engine/engine.ts'
import { SandboxSqlError } from '../../src/session.ts'
import type {
  Engine,
  Parameter,
  ResultChunk,
  ResultColumn,
  ResultSink,
  Session,
  SqlError,
  SqlValue,
} from '../../src/session.ts'

/** Everything a batch said. */
export interface Said {
  readonly sets: { readonly columns: readonly ResultColumn[]; readonly rows: SqlValue[][] }[]
  readonly errors: SqlError[]
  readonly counts: (number | undefined)[]
  readonly infos: string[]
  readonly returned: Map<string, SqlValue>
}

export async function run(
  session: Session,
  batch: string,
  options: { parameters?: readonly Parameter[]; signal?: AbortSignal } = {},
): Promise<Said> {
  const said: Said = { sets: [], errors: [], counts: [], infos: [], returned: new Map() }
  await session.execute(
    batch,
    options.parameters ?? [],
    collecting(said),
    options.signal ?? new AbortController().signal,
  )
  return said
}

function collecting(said: Said): ResultSink {
  return {
    columns: (columns) => void said.sets.push({ columns, rows: [] }),
    rows(chunk: ResultChunk) {
      for (let row = 0; row < chunk.rowCount; row++) said.sets.at(-1)?.rows.push(chunk.cells.map((cell) => cell(row)))
    },
    done: (statement) => void said.counts.push(statement.rowCount),
    error: (error) => void said.errors.push(error),
    info: (message) => void said.infos.push(message.message),
    databaseChanged: () => undefined,
    transactionChanged: ({ kind }) => void said.infos.push(kind),
    returnValue: (name, _type, value) => void said.returned.set(name, value),
  }
}

/** One INSERT BULK with its rows: their count, or the number of the error. `infos` hears what became of the transaction. */
export async function bulk(
  session: Session,
  statement: string,
  bulkRows: readonly (readonly SqlValue[])[],
  infos: string[] = [],
): Promise<{ readonly count: number } | { readonly error: number }> {
  const said: Said = { sets: [], errors: [], counts: [], infos, returned: new Map() }
  try {
    const load = await session.bulkLoad(statement)
    await load.write(bulkRows)
    return { count: await load.finish(collecting(said)) }
  } catch (error) {
    if (!(error instanceof SandboxSqlError)) throw error
    return { error: error.error.number }
  }
}

/** The rows of the last result; an error of the batch is thrown. */
export async function rows(
  session: Session,
  batch: string,
  parameters: readonly Parameter[] = [],
): Promise<SqlValue[][]> {
  const said = await run(session, batch, { parameters })
  const [error] = said.errors
  if (error !== undefined) throw new Error(`${error.number}: ${error.message}`)
  return said.sets.at(-1)?.rows ?? []
}

export async function errorNumbers(session: Session, batch: string): Promise<number[]> {
  return (await run(session, batch)).errors.map((e) => e.number)
}

export async function open(): Promise<{ engine: Engine; login: () => Promise<Session> }> {
  const engine = await createEngine({ databases: ['SourceDb', 'TargetDb'], password: 'secret' })
  const login = (): Promise<Session> =>
    engine.login({ userName: 'sa', password: 'secret', database: 'SourceDb', appName: 'test', hostName: 'test' })
  return { engine, login }
}
