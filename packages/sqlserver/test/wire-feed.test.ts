import { EventEmitter, once } from 'node:events'
import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import { BatchBuilder } from '@icebridge/columnar'
import type { Connection } from 'tedious'
import { beforeAll, describe, expect, it } from 'vitest'
import { Arrivals, keepArrivals } from '../src/arrivals.ts'
import { installRowReader, readRowsInto, RowTarget } from '../src/exact-values/row-reader.ts'
import { installWireFeed, WireFeed } from '../src/exact-values/wire-feed.ts'
import { builtRows, fields, filled, type Row, rows, token, types, uint } from './row-tokens.ts'

const load = createRequire(import.meta.url)
const debug = { packet: () => {}, data: () => {}, token: () => {}, log: () => {} }
const Incoming = load('tedious/lib/incoming-message-stream.js') as new (log: typeof debug) => Transform
const { Parser } = load('tedious/lib/token/token-stream-parser.js') as {
  Parser: new (
    message: object,
    log: typeof debug,
    handler: object,
    options: object,
  ) => EventEmitter & {
    pause(): void
    resume(): void
  }
}

/** COLMETADATA of the columns. @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/58880b9f-381c-43b2-bf8b-0727a98c4f4c */
function metadata(): Buffer {
  const collation = Buffer.of(0x09, 0x04, 0xd0, 0x00, 0x34)
  const infos = [
    Buffer.of(0x26, 4),
    Buffer.concat([Buffer.of(0xe7), uint(100, 2), collation]),
    Buffer.concat([Buffer.of(0xe7, 0xff, 0xff), collation]),
    Buffer.concat([Buffer.of(0xa7, 0xff, 0xff), collation]),
  ]
  const columns = infos.map((info, at) => {
    const name = Buffer.from(types[at]?.colName ?? '', 'utf16le')
    return Buffer.concat([uint(0, 4), uint(1, 2), info, Buffer.of(name.length / 2), name])
  })
  return Buffer.concat([Buffer.of(0x81), uint(columns.length, 2), ...columns])
}

const DONE = Buffer.concat([Buffer.of(0xfd), uint(0x10, 2), uint(0xc1, 2), uint(rows.length, 8)])

/** Reproducible numbers from 0 to below 1. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** A message in packets of up to so many bytes. */
function packets(tokens: Buffer, size: () => number, emptyLast: boolean): Buffer {
  const parts: Buffer[] = []
  const add = (body: Buffer, isLast: boolean): void => {
    const header = Buffer.of(4, isLast ? 1 : 0, 0, 0, 0, 0, 0, 0)
    header.writeUInt16BE(body.length + 8, 2)
    parts.push(header, body)
  }
  for (let at = 0; at < tokens.length;) {
    const body = tokens.subarray(at, at + size())
    at += body.length
    add(body, at === tokens.length && !emptyLast)
  }
  if (emptyLast) add(Buffer.alloc(0), true)
  return Buffer.concat(parts)
}

class FakeRequest extends EventEmitter {
  paused = false
  canceled = false

  pause(): void {
    if (this.paused) return
    this.emit('pause')
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.emit('resume')
  }
}

interface Run {
  readonly values: () => readonly (readonly unknown[])[]
  /** Cells that the driver made. */
  readonly cells: readonly (readonly unknown[])[]
  readonly target: RowTarget
  /** Bytes that took the driver's way, and all. */
  readonly ordinary: number
  readonly done: number
  readonly reused: number
}

/** A whole answer through the driver's own streams and parser, with the feed between them as the reader of batches has it. */
async function answer(options: {
  readonly rows: readonly Row[]
  readonly seed: number
  readonly packet: number
  readonly chunk: number
  readonly pauses: number
  readonly emptyLast?: boolean
}): Promise<Run> {
  const next = random(options.seed)
  const upTo = (most: number): number => 1 + Math.floor(next() * most)
  const tokens = Buffer.concat([metadata(), ...options.rows.map((row, at) => token(row, at % 3 === 1)), DONE])
  const wire = packets(tokens, () => upTo(options.packet), options.emptyLast === true)

  const incoming = new Incoming(debug)
  const request = new FakeRequest()
  const socket = {}
  const arrivals = new Arrivals()
  keepArrivals(socket, arrivals)
  const connection = {
    config: { options: { tdsVersion: '7_4' } },
    messageIo: { incomingMessageStream: incoming },
    request,
    socket,
  }
  const builder = new BatchBuilder(fields)
  const target = new RowTarget(types, filled(builder), () => {
    if (next() < options.pauses) {
      request.pause()
      setImmediate(() => request.resume())
    }
    return !request.paused
  })
  const cells: unknown[][] = []
  let done = 0
  let feed: WireFeed | undefined
  const handler = {
    onColMetadata: () => {
      // Of a connection only what the feed looks at is there.
      readRowsInto(connection as unknown as Connection, target)
      feed = WireFeed.open(connection as unknown as Connection, target)
    },
    onRow: ({ columns }: { readonly columns: readonly { readonly value: unknown }[] }) => request.emit('row', columns),
    onDone: () => (done += 1),
  }
  request.on('row', (columns: readonly { readonly value: unknown }[]) => {
    if (columns.length > 0) cells.push(columns.map(({ value }) => value))
  })

  let ordinary = 0
  const finished = (async (): Promise<void> => {
    const [message] = (await once(incoming, 'data')) as [Transform]
    const write = message.write.bind(message)
    message.write = ((chunk: Buffer) => {
      ordinary += chunk.length
      return write(chunk)
    }) as typeof message.write
    const parser = new Parser(message, debug, handler, connection.config.options)
    request.on('pause', () => {
      parser.pause()
      request.once('resume', () => parser.resume())
    })
    await once(parser, 'end')
  })()

  let reused = 0
  let before: Buffer | undefined
  for (let at = 0; at < wire.length;) {
    const memory = arrivals.next()
    if (memory === before) reused += 1
    before = memory
    // What stood there before is gone, whoever still looks at it.
    memory.fill(0xee)
    const bytes = wire.copy(memory, 0, at, at + upTo(options.chunk))
    at += bytes
    // The driver's parser goes on in another turn: the chunk comes before that.
    if (next() < 0.5) request.resume()
    if (!incoming.write(arrivals.taken(bytes))) await once(incoming, 'drain')
    // As a socket, which reads in another turn.
    if (next() < 0.5) await new Promise((resolve) => setImmediate(resolve))
  }
  await finished
  feed?.close()
  return { values: () => builtRows(builder), cells, target, ordinary: ordinary / tokens.length, done, reused }
}

const many = Array.from({ length: 4 }, () => rows).flat()

beforeAll(() => {
  installRowReader()
  installWireFeed()
})

describe('rows from the socket', () => {
  const shapes = [
    { packet: 60, chunk: 40 },
    { packet: 9, chunk: 5 },
    { packet: 50, chunk: 7 },
    { packet: 400, chunk: 100 },
    { packet: 400, chunk: 3000 },
    { packet: 4000, chunk: 500 },
    { packet: 20_000, chunk: 30_000 },
  ]

  it.each(shapes)('are the same in packets of up to $packet bytes and chunks of up to $chunk', async (shape) => {
    for (const pauses of [0, 0.05, 0.9]) {
      for (let seed = 1; seed <= 5; seed += 1) {
        const { values, cells, done } = await answer({ rows: many, seed, pauses, ...shape })
        expect(values()).toEqual(many)
        expect(cells).toEqual([])
        expect(done).toBe(1)
      }
    }
  })

  it.each(shapes)('are the same when a message ends with an empty packet ($packet, $chunk)', async (shape) => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const { values, done } = await answer({ rows: many, seed, pauses: 0.1, emptyLast: true, ...shape })
      expect(values()).toEqual(many)
      expect(done).toBe(1)
    }
  })

  it('do not take the way of the driver, and their memory is used again', async () => {
    const { values, ordinary, reused } = await answer({ rows: many, seed: 1, pauses: 0, packet: 400, chunk: 1000 })
    expect(values()).toEqual(many)
    expect(ordinary).toBeLessThan(0.2)
    expect(reused).toBeGreaterThan(5)
  })

  it.each(shapes)('go to the driver from a value on that cannot be kept ($packet, $chunk)', async (shape) => {
    const bad: Row = [7, 'half \ud83d', 'after it '.repeat(9), 'é'.repeat(50)]
    for (const at of [0, 1, 60, 159]) {
      for (let seed = 1; seed <= 2; seed += 1) {
        const all = many.with(at, bad)
        const { cells, target, done } = await answer({ rows: all, seed, pauses: 0.05, ...shape })
        expect(target.refused).toMatchObject({ index: 1, error: { code: 'lone-surrogate' } })
        expect(cells).toEqual([[undefined, ...bad.slice(1)], ...all.slice(at + 1)])
        expect(done).toBe(1)
      }
    }
  })
})
