/**
 * A sandbox in a process of its own: `node main.js --password P --databases A,B [--port N] [--data-dir DIR] [--digest-text-over N]`.
 * Prints `{"port":N}` on one line when it listens; ends on SIGINT and SIGTERM.
 */
import { parseArgs } from 'node:util'
import { startSandbox } from './sandbox.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    password: { type: 'string' },
    databases: { type: 'string' },
    'data-dir': { type: 'string' },
    'digest-text-over': { type: 'string' },
  },
})
if (values.password === undefined || values.databases === undefined) {
  process.stderr.write('usage: main --password P --databases A,B [--port N] [--data-dir DIR]\n')
  process.exit(64)
}
const dataDir = values['data-dir']
const digestTextOver = values['digest-text-over']
const sandbox = await startSandbox({
  port: Number(values.port),
  password: values.password,
  databases: values.databases.split(','),
  ...(dataDir === undefined ? {} : { dataDir }),
  ...(digestTextOver === undefined ? {} : { digestTextOver: Number(digestTextOver) }),
})
process.stdout.write(`${JSON.stringify({ port: sandbox.port })}\n`)

const stop = (): void => void sandbox.close().then(() => process.exit(0))
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
