import type { SqlServerConfig } from '@icebridge/sqlserver'
import { openTestServer } from '@icebridge/sqlserver/testing'

/** The demo's two databases, SourceDb and TargetDb. */
export interface DemoServers extends AsyncDisposable {
  readonly description: string
  readonly source: SqlServerConfig
  readonly target: SqlServerConfig
}

/** Starts the sandbox or, with `docker`, a real SQL Server in a container, and creates both databases. */
export async function openDemoServers(options: { readonly docker: boolean }): Promise<DemoServers> {
  const server = await openTestServer({ server: options.docker ? 'docker' : 'sandbox' })
  const source = await server.createDatabase('SourceDb')
  const target = await server.createDatabase('TargetDb')
  return {
    description: options.docker
      ? 'a real one, in a container'
      : 'the sandbox, an in-process stand-in (evidence for the flow, not for locking, collation or plans)',
    source,
    target,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
