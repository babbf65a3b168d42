import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Runs a program of this package in a process of its own and gives the JSON object on its last line. */
export async function runChild<T>(program: string, args: readonly string[]): Promise<T> {
  return lastJson<T>(process.execPath, [fileURLToPath(new URL(program, import.meta.url)), ...args])
}

async function lastJson<T>(command: string, args: readonly string[]): Promise<T> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let last = ''
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => (last = line))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${args.slice(0, 2).join(' ')} ended with exit code ${String(code)}`)
  return JSON.parse(last)
}

/** Runs a Python program of this package with the Python that `ICEBRIDGE_PYTHON` names, and gives its last line's JSON. */
export async function runPython<T>(program: string, args: readonly string[]): Promise<T> {
  const python = process.env['ICEBRIDGE_PYTHON']
  if (python === undefined || python === '') {
    throw new Error(
      'ICEBRIDGE_PYTHON is not set: name a Python with the packages of checks/interop/requirements.txt, the peer of this bench',
    )
  }
  return lastJson<T>(python, [fileURLToPath(new URL(`../python/${program}`, import.meta.url)), ...args])
}

/** A sandbox in a process of its own, so that its work does not count as the client's. */
export interface SandboxProcess extends AsyncDisposable {
  connectionString(database: string): string
}

export async function startSandboxProcess(
  databases: readonly string[],
  more: readonly string[] = [],
): Promise<SandboxProcess> {
  const password = 'Bench-Only-1'
  const program = fileURLToPath(import.meta.resolve('@icebridge/sqlserver-sandbox/main'))
  const args = ['--password', password, '--databases', databases.join(','), ...more]
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await listeningPort(child)
  return {
    connectionString: (database) =>
      `Server=tcp:127.0.0.1,${port};Database=${database};User Id=sa;Password=${password};Encrypt=false`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(child, 'close')
      child.kill()
      await closed
    },
  }
}

async function listeningPort(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the sandbox has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const message: { readonly port: number } = JSON.parse(line)
    return message.port
  }
  throw new Error('the sandbox ended before it listened')
}
