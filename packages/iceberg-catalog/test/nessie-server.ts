import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

interface Programs {
  readonly java: string
  readonly jar: string
  /** A Python that has moto. */
  readonly python: string
}

/** What runs Project Nessie and the S3 stand-in below it, or why it cannot be run. */
export const nessie: Programs | { readonly missing: string } = find()

export interface NessieServer extends AsyncDisposable {
  readonly uri: string
  readonly warehouse: string
  /** How to reach the store of the tables. */
  readonly properties: Readonly<Record<string, string>>
}

/**
 * Starts Project Nessie, a REST catalog that shares no server code with Apache Iceberg's own, over a store that moto stands in for.
 * @see https://projectnessie.org/guides/iceberg-rest/
 */
export async function startNessie(): Promise<NessieServer> {
  if ('missing' in nessie) throw new Error(nessie.missing)
  const { java, jar, python } = nessie
  const [s3Port, port, managementPort] = [await freePort(), await freePort(), await freePort()]
  const endpoint = `http://127.0.0.1:${s3Port}/`
  const s3 = '-Dnessie.catalog.service.s3.default-options'
  const moto = start(python, ['-m', 'moto.server', '-p', String(s3Port)])
  const server = start(java, [
    '-Xmx700m',
    `-Dquarkus.http.port=${port}`,
    `-Dquarkus.management.port=${managementPort}`,
    '-Dnessie.version.store.type=IN_MEMORY',
    '-Dnessie.server.authentication.enabled=false',
    '-Dnessie.catalog.default-warehouse=warehouse',
    '-Dnessie.catalog.warehouses.warehouse.location=s3://lake/warehouse',
    `${s3}.region=us-east-1`,
    `${s3}.path-style-access=true`,
    `${s3}.endpoint=${endpoint}`,
    `${s3}.access-key=urn:nessie-secret:quarkus:tests.s3`,
    '-Dtests.s3.name=test',
    '-Dtests.s3.secret=testtest',
    '-jar',
    jar,
  ])
  const stop = async (): Promise<void> => {
    await Promise.all([server.stop(), moto.stop()])
  }
  try {
    await answers(moto, endpoint)
    await fetch(`${endpoint}lake`, { method: 'PUT' })
    const uri = `http://127.0.0.1:${port}/iceberg`
    await answers(server, `${uri}/v1/config`)
    const properties = {
      's3.endpoint': endpoint,
      's3.path-style-access': 'true',
      's3.access-key-id': 'test',
      's3.secret-access-key': 'testtest',
      'client.region': 'us-east-1',
    }
    return { uri, warehouse: 'warehouse', properties, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Program {
  readonly process: ChildProcess
  log(): string
  stop(): Promise<void>
}

function start(command: string, args: readonly string[]): Program {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (log = (log + String(chunk)).slice(-4000)))
  const closed = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  return {
    process: child,
    log: () => log,
    stop: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

async function answers(program: Program, url: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok === true) return
    if (program.process.exitCode !== null) break
    await delay(200)
  }
  throw new Error(`${url} does not answer: ${program.log()}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}

function find(): Programs | { readonly missing: string } {
  const variables = ['ICEBRIDGE_NESSIE_JAVA', 'ICEBRIDGE_NESSIE_JAR', 'ICEBRIDGE_PYTHON'] as const
  const [java = '', jar = '', python = ''] = variables.map((name) => process.env[name] ?? '')
  if (java !== '' && jar !== '' && python !== '') return { java, jar, python }
  const missing = `one of ${variables.join(', ')} is not set: give Java 21 or newer, Project Nessie's runner and a Python with moto, as .ci/run does`
  if (process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(missing)
  return { missing }
}
