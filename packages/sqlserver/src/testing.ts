import { randomUUID } from 'node:crypto'
import { parseConnectionString } from './connection-string.ts'
import type { SqlServerConfig } from './config.ts'
import { SqlServerError } from './errors.ts'
import { quoteName, quoteString } from './quoting.ts'
import { SqlServer } from './sql-server.ts'

export { countOnlyIn, createTypeTable, fillTypeTable, typeTableRows, typeTableTexts } from './type-tables/type-table.ts'
export type { TypeColumn, TypeTable } from './type-tables/type-table.ts'
export { typeTables } from './type-tables/type-tables.ts'

/** What a test server may lack. A suite that needs one reports itself as skipped by that name. */
export type Capability =
  | 'merge'
  | 'xml'
  | 'sql-variant'
  | 'clr-types'
  | 'temporal-tables'
  | 'collations'
  | 'code-pages'
  | 'utf8'
  | 'json'
  | 'vector'
  | 'locking'
  | 'change-tracking'
  | 'tls'

/** A SQL Server for tests. */
export interface TestServer extends AsyncDisposable {
  readonly kind: 'sandbox' | 'docker' | 'connection-string'
  readonly productVersion: string
  /** What the server was found to have. */
  readonly capabilities: ReadonlySet<Capability>
  /** What it was found to lack, in order. */
  readonly missing: readonly Capability[]
  /** How to connect to a database of the server, whether it exists or not. */
  config(database: string): SqlServerConfig
  /** Makes an empty database, in place of one of that name, and drops it when the server is disposed of. */
  createDatabase(name: string): Promise<SqlServerConfig>
}

/** Options of {@link openTestServer}. */
export interface TestServerOptions {
  /** `sandbox`, `docker`, or a connection string. In place of ICEBRIDGE_TEST_SQLSERVER. */
  readonly server?: string
}

/**
 * Opens the server that ICEBRIDGE_TEST_SQLSERVER names: the sandbox when it is unset or `sandbox`, `docker` for SQL Server in a
 * container (needs `@testcontainers/mssqlserver`), else a connection string whose login may create databases.
 *
 * On a server that is not the caller's own, databases get a prefix of their own, so that nothing that is there is touched.
 *
 * @throws {SqlServerError} `invalid-config` when the package that it takes is not installed.
 */
export async function openTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const choice = options.server ?? process.env['ICEBRIDGE_TEST_SQLSERVER'] ?? 'sandbox'
  const base = await openBase(choice === '' ? 'sandbox' : choice)
  try {
    return await ExternalServer.open(base)
  } catch (error) {
    await base.stop()
    throw error
  }
}

interface Base {
  readonly kind: TestServer['kind']
  readonly config: SqlServerConfig
  readonly prefix: string
  stop(): Promise<void>
}

async function openBase(choice: string): Promise<Base> {
  if (choice === 'sandbox') return await openSandbox()
  if (choice === 'docker') return await openContainer()
  const config = parseConnectionString(/database|initial catalog/i.test(choice) ? choice : `${choice};Database=master`)
  const prefix = `icebridge_${randomUUID().slice(0, 8)}_`
  return { kind: 'connection-string', config: { ...config, database: 'master' }, prefix, stop: async () => {} }
}

/** The sandbox's entry point by shape: it is built after this package and is none of its dependencies. */
interface SandboxModule {
  readonly startSandbox: (options: { password: string; databases: readonly string[] }) => Promise<{
    readonly host: string
    readonly port: number
    close(): Promise<void>
  }>
}
async function openSandbox(): Promise<Base> {
  const { startSandbox } = await load<SandboxModule>('@icebridge/sqlserver-sandbox')
  const password = `Sandbox-${randomUUID()}`
  const sandbox = await startSandbox({ password, databases: ['master'] })
  const { host, port } = sandbox
  return {
    kind: 'sandbox',
    config: { server: host, port, database: 'master', user: 'sa', password, encrypt: false },
    prefix: '',
    stop: () => sandbox.close(),
  }
}

async function openContainer(): Promise<Base> {
  const name = '@testcontainers/mssqlserver'
  const { MSSQLServerContainer } = await import('@testcontainers/mssqlserver').catch(notInstalled(name))
  const password = `Container-${randomUUID()}`
  const image = 'mcr.microsoft.com/mssql/server:2022-latest'
  const container = await new MSSQLServerContainer(image).acceptLicense().withPassword(password).start()
  return {
    kind: 'docker',
    config: {
      server: container.getHost(),
      port: container.getPort(),
      database: 'master',
      user: 'sa',
      password,
      trustServerCertificate: true,
    },
    prefix: '',
    stop: async () => void (await container.stop()),
  }
}

/** A variable specifier keeps compilers and bundlers from asking for a package that is optional. */
async function load<Module>(name: string): Promise<Module> {
  return (await import(name).catch(notInstalled(name))) as Module
}

function notInstalled(name: string): (cause: unknown) => never {
  return (cause) => {
    throw new SqlServerError('invalid-config', `the tests need the package ${name}, which cannot be loaded`, {
      hint: `Add ${name} to devDependencies, or point ICEBRIDGE_TEST_SQLSERVER at another server.`,
      cause,
    })
  }
}

class ExternalServer implements TestServer {
  readonly kind: TestServer['kind']
  readonly productVersion: string
  readonly capabilities: ReadonlySet<Capability>
  readonly missing: readonly Capability[]
  readonly #base: Base
  readonly #master: SqlServer
  readonly #made = new Set<string>()

  private constructor(base: Base, master: SqlServer, capabilities: ReadonlySet<Capability>) {
    this.kind = base.kind
    this.productVersion = master.identity.productVersion
    this.capabilities = capabilities
    this.missing = probeNames.filter((name) => !capabilities.has(name))
    this.#base = base
    this.#master = master
  }

  static async open(base: Base): Promise<ExternalServer> {
    const master = await SqlServer.connect(base.config)
    try {
      return new ExternalServer(base, master, await detect(master, base))
    } catch (error) {
      await master.close()
      throw error
    }
  }

  config(database: string): SqlServerConfig {
    return { ...this.#base.config, database: this.#base.prefix + database }
  }

  async createDatabase(name: string): Promise<SqlServerConfig> {
    const config = this.config(name)
    await this.#drop(config.database)
    await this.#master.batch(`CREATE DATABASE ${quoteName(config.database)}`)
    this.#made.add(config.database)
    return config
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // The sandbox and the container take their databases with them.
      if (this.kind === 'connection-string') for (const name of this.#made) await this.#drop(name)
    } finally {
      await this.#master.close()
      await this.#base.stop()
    }
  }

  /** @see https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options */
  async #drop(name: string): Promise<void> {
    const [row] = await this.#master.query({ text: `SELECT DB_ID(${quoteString(name)}) AS [id]` })
    if (row?.['id'] === null || row === undefined) return
    if (this.kind !== 'sandbox') {
      await this.#master.batch(`ALTER DATABASE ${quoteName(name)} SET SINGLE_USER WITH ROLLBACK IMMEDIATE`)
    }
    await this.#master.batch(`DROP DATABASE ${quoteName(name)}`)
  }
}

/** One statement a capability; it is there when the statement runs and gives 1. */
const probes: Readonly<Record<Exclude<Capability, 'locking' | 'tls'>, string>> = {
  merge:
    'CREATE TABLE #probe ([k] int NOT NULL PRIMARY KEY); MERGE #probe AS t USING (SELECT 1 AS [k]) AS s ON t.[k] = s.[k] WHEN NOT MATCHED THEN INSERT ([k]) VALUES (s.[k]); SELECT COUNT(*) AS [ok] FROM #probe',
  xml: "SELECT CASE WHEN CONVERT(nvarchar(max), CONVERT(xml, N'<a/>', 1)) = N'<a/>' THEN 1 ELSE 0 END AS [ok]",
  'sql-variant':
    "SELECT CASE WHEN CONVERT(nvarchar(128), SQL_VARIANT_PROPERTY(CONVERT(sql_variant, CONVERT(decimal(5,2), 1)), 'BaseType')) = N'decimal' THEN 1 ELSE 0 END AS [ok]",
  'clr-types': "SELECT CASE WHEN CONVERT(hierarchyid, '/1/').ToString() = N'/1/' THEN 1 ELSE 0 END AS [ok]",
  'temporal-tables': "SELECT COUNT(*) AS [ok] FROM sys.system_objects WHERE [name] = N'sp_cleanup_temporal_history'",
  collations:
    "SELECT CASE WHEN N'a' = N'A' COLLATE Latin1_General_CI_AS AND N'a' <> N'á' COLLATE Latin1_General_CI_AS THEN 1 ELSE 0 END AS [ok]",
  'code-pages':
    "SELECT CASE WHEN CONVERT(varbinary(4), CONVERT(varchar(4), N'ł' COLLATE Polish_CI_AS)) = 0xB3 AND CONVERT(varbinary(4), CONVERT(varchar(4), N'日' COLLATE Japanese_CI_AS)) = 0x93FA THEN 1 ELSE 0 END AS [ok]",
  utf8: "SELECT CASE WHEN CONVERT(varbinary(8), CONVERT(varchar(8), N'ł' COLLATE Latin1_General_100_CI_AS_SC_UTF8)) = 0xC582 THEN 1 ELSE 0 END AS [ok]",
  json: "SELECT CASE WHEN CONVERT(nvarchar(max), CONVERT(json, N'[1]')) = N'[1]' THEN 1 ELSE 0 END AS [ok]",
  vector:
    "SELECT CASE WHEN CONVERT(nvarchar(max), CONVERT(vector(2), N'[1,2]')) LIKE N'[[]1%' THEN 1 ELSE 0 END AS [ok]",
  'change-tracking': 'SELECT CASE WHEN CHANGE_TRACKING_CURRENT_VERSION() IS NULL THEN 1 ELSE 1 END AS [ok]',
}
const probeNames: readonly Capability[] = [
  'merge',
  'xml',
  'sql-variant',
  'clr-types',
  'temporal-tables',
  'collations',
  'code-pages',
  'utf8',
  'json',
  'vector',
  'locking',
  'change-tracking',
  'tls',
]

async function detect(server: SqlServer, base: Base): Promise<ReadonlySet<Capability>> {
  const found = new Set<Capability>()
  // The sandbox keeps one writer at a time and speaks no TLS: nothing there is evidence for either.
  if (base.kind !== 'sandbox') found.add('locking')
  if (base.config.encrypt !== false) found.add('tls')
  for (const name of probeNames) {
    if (name === 'locking' || name === 'tls') continue
    if (await answers(server, probes[name])) found.add(name)
  }
  return found
}

async function answers(server: SqlServer, statement: string): Promise<boolean> {
  try {
    const { resultSets } = await server.batch(statement)
    return Number(resultSets[0]?.[0]?.['ok'] ?? 0) >= 1
  } catch (error) {
    // The server's own refusal is the answer; anything else is a fault.
    if (error instanceof SqlServerError && error.context['number'] !== undefined) return false
    throw error
  }
}
