import { SqlServer, parseConnectionString } from '@icebridge/sqlserver'
import { startSandbox } from '@icebridge/sqlserver-sandbox'
import { fillShop } from './story.ts'

const port = 11433
const password = 'Sandbox-Only-1'

/** Starts a sandbox on a fixed port with the demo's data, for a person's own SQL client; runs until it is interrupted. */
await using sandbox = await startSandbox({ port, password, databases: ['SourceDb', 'TargetDb'] })
{
  await using source = await SqlServer.connect(parseConnectionString(sandbox.connectionString('SourceDb')))
  await fillShop(source)
}
process.stdout.write(
  `A SQL Server stand-in listens on 127.0.0.1,${port} (user sa, password ${password}, no encryption), with SourceDb and TargetDb.\n` +
    `  Server=tcp:127.0.0.1,${port};Database=SourceDb;User Id=sa;Password=${password};Encrypt=false\n` +
    'Stop it with Ctrl-C.\n',
)
await new Promise<void>((resolve) => {
  process.once('SIGINT', resolve)
  process.once('SIGTERM', resolve)
})
