import { createEngine } from './engine/engine.ts'
import type { FaultPlan } from './faults.ts'
import { type TdsServer, serve } from './server.ts'

export interface SandboxOptions {
  /** 0 takes a free port. Default 0. */
  readonly port?: number
  /** A loopback address; anything else is refused. Default 127.0.0.1. */
  readonly host?: string
  /** Password of the login `sa`. */
  readonly password: string
  readonly databases: readonly string[]
  /** A folder that keeps the databases; without it they are gone with the sandbox. */
  readonly dataDir?: string
  readonly faults?: FaultPlan
  /** How many of the last requests are kept in `trace`. Default 0. */
  readonly traceLimit?: number
  /**
   * For measuring with more data than memory: of a text of more characters in a bulk load, its length and SHA-256 are kept in its place.
   * No server does that.
   */
  readonly digestTextOver?: number
}

/** What `mssql.ConnectionPool` takes. */
export interface MssqlConfig {
  readonly server: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly options: { readonly encrypt: false; readonly trustServerCertificate: true }
}

export interface Sandbox extends TdsServer {
  connectionString(database: string): string
  /** A new object each time, which the caller may extend. */
  mssqlConfig(database: string): MssqlConfig
}

/**
 * Starts a stand-in for SQL Server on a loopback port.
 * @throws RangeError for a host that is not loopback.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { password, databases, dataDir } = options
  const engine = await createEngine({ password, databases, ...(dataDir === undefined ? {} : { dataDir }) })
  let server: TdsServer
  try {
    server = await serve({ ...options, engine })
  } catch (error) {
    await engine.close()
    throw error
  }
  const { host, port } = server
  return {
    ...server,
    [Symbol.asyncDispose]: () => server.close(),
    connectionString: (database) =>
      `Server=${host},${port};Database=${quoted(database)};User Id=sa;Password=${quoted(password)};Encrypt=false`,
    mssqlConfig: (database) => ({
      server: host,
      port,
      user: 'sa',
      password,
      database,
      options: { encrypt: false, trustServerCertificate: true },
    }),
  }
}

function quoted(value: string): string {
  return /^[\w!#$%&*+./:<>?@^|~-]+$/.test(value) ? value : `"${value.replaceAll('"', '""')}"`
}
