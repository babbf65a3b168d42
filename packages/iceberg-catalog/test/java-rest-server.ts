import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The classpath of Apache Iceberg's REST server, or why there is none. */
export const javaRestServer: { readonly classpath: string } | { readonly missing: string } = find()

export interface JavaRestServer extends AsyncDisposable {
  readonly uri: string
  readonly warehouse: string
}

export interface JavaRestServerOptions {
  /** The JDBC URL of the catalog behind the server. Default: a SQLite file of its own. */
  readonly jdbcUrl?: string
  readonly warehouse?: string
  /** More properties of the catalog behind the server. */
  readonly properties?: Readonly<Record<string, string>>
}

/**
 * Starts Apache Iceberg's own REST server over its JdbcCatalog, as fixtures/rest-server/pom.xml resolves it, on a free port.
 * @see https://github.com/apache/iceberg/tree/main/open-api/src/testFixtures
 */
export async function startJavaRestServer(options: JavaRestServerOptions = {}): Promise<JavaRestServer> {
  if ('missing' in javaRestServer) throw new Error(javaRestServer.missing)
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-java-rest-'))
  const warehouse = options.warehouse ?? join(folder, 'warehouse')
  const properties = {
    'rest.port': '0',
    'catalog.name': 'lake',
    uri: options.jdbcUrl ?? `jdbc:sqlite:${folder}/catalog.db`,
    warehouse,
    // SQLite takes one writer at a time, and JDBC does not wait for it.
    clients: '1',
    // Else tables are created in namespaces that do not exist.
    'jdbc.strict-mode': 'true',
    'io-impl': 'org.apache.iceberg.TestTables$LocalFileIO',
    ...options.properties,
  }
  // The server takes properties from the environment: CATALOG_, then the key with _ for a dot and __ for a hyphen.
  const variables = Object.entries(properties).map(([key, value]) => [
    `CATALOG_${key.replaceAll('-', '__').replaceAll('.', '_').toUpperCase()}`,
    value,
  ])
  const home = process.env['JAVA_HOME']
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java')
  const child = spawn(
    java,
    [
      '-Xmx512m',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      javaRestServer.classpath,
      'org.apache.iceberg.rest.RESTCatalogServer',
    ],
    { env: { ...process.env, ...Object.fromEntries(variables) }, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await closed
    await rm(folder, { recursive: true, force: true })
  }
  let log = ''
  const port = await new Promise<number | undefined>((resolve) => {
    child.stderr.on('data', (chunk) => {
      if (log.length < 100_000) log += String(chunk)
      const started = /ServerConnector@.*\{0\.0\.0\.0:(\d+)\}/.exec(log)
      if (started !== null) resolve(Number(started[1]))
    })
    child.once('error', () => resolve(undefined))
    child.once('close', () => resolve(undefined))
  })
  if (port === undefined) {
    await stop().catch(() => undefined)
    throw new Error(`the Java REST server did not start: ${log.slice(-2000)}`)
  }
  return { uri: `http://127.0.0.1:${port}`, warehouse, [Symbol.asyncDispose]: stop }
}

function find(): { readonly classpath: string } | { readonly missing: string } {
  const classpath = process.env['ICEBRIDGE_REST_SERVER_CLASSPATH']
  if (classpath !== undefined && classpath !== '') return { classpath }
  const missing =
    'ICEBRIDGE_REST_SERVER_CLASSPATH is not set: give the classpath that packages/iceberg-catalog/fixtures/rest-server/pom.xml describes'
  if (process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(missing)
  return { missing }
}
