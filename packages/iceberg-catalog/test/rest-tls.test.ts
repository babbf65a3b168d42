import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

interface Ended {
  readonly code: number | null
  readonly out: string
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...process.env, ...env } })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += String(chunk)))
    child.once('error', (error) => resolve({ code: null, out: String(error) }))
    child.once('close', (code) => resolve({ code, out }))
  })
}

test(
  'talks TLS to a server whose authority it knows, and sends nothing to any other',
  { timeout: 60_000 },
  async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'icebridge-tls-'))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost'
    const made = await run('openssl', [...request.split(' '), '-keyout', key, '-out', certificate])
    if (made.code !== 0) return context.skip(`openssl makes no certificate: ${made.out}`)
    let requests = 0
    const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (_, response) => {
      requests++
      response.end('{"defaults": {}, "overrides": {}}')
    })
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    const address = server.address()
    const uri = `https://localhost:${typeof address === 'object' ? address?.port : ''}`
    const script = fileURLToPath(new URL('open-rest.mjs', import.meta.url))
    try {
      const stranger = await run(process.execPath, ['--no-warnings', script, uri])
      expect(stranger).toEqual({ code: 0, out: 'io: DEPTH_ZERO_SELF_SIGNED_CERT\n' })
      expect(requests).toBe(0)
      const known = await run(process.execPath, ['--no-warnings', script, uri], { NODE_EXTRA_CA_CERTS: certificate })
      expect(known).toEqual({ code: 0, out: 'opened\n' })
      expect(requests).toBe(1)
    } finally {
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
)
