import { connect, createServer, type Socket } from 'node:net'

/** A way to PostgreSQL that can be made to break. */
export interface CuttingProxy extends AsyncDisposable {
  /** The URL it was made for, through this proxy. */
  readonly url: string
  /** From now on, a request that holds the marked text goes through, and its answer is lost with the connection; once. */
  arm(): void
}

export async function cuttingProxy(target: string, mark: string): Promise<CuttingProxy> {
  const url = new URL(target)
  const port = Number(url.port === '' ? 5432 : url.port)
  const host = url.hostname
  let isArmed = false
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host, port })
    let isCut = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', (chunk) => {
      if (isArmed && chunk.includes(mark)) {
        isArmed = false
        isCut = true
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (isCut) client.destroy()
      else client.write(chunk)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return {
    url: url.href,
    arm: () => {
      isArmed = true
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
