import { SqlServer } from '@icebridge/sqlserver'
import { openTestServer } from '@icebridge/sqlserver/testing'
import type { TestServer } from '@icebridge/sqlserver/testing'

/** The server that ICEBRIDGE_TEST_SQLSERVER names, with an empty database for each test. */
export class TargetServer {
  readonly server: TestServer
  #databases = 0

  private constructor(server: TestServer) {
    this.server = server
  }

  static async open(): Promise<TargetServer> {
    return new TargetServer(await openTestServer())
  }

  async database(): Promise<SqlServer> {
    this.#databases += 1
    const name = `import_${process.pid}_${this.#databases}`
    await this.server.createDatabase(name)
    return await SqlServer.connect(this.server.config(name))
  }

  async close(): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}
