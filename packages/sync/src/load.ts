import type { Watermark } from '@icebridge/change-detection'
import type { Journal, JournalHead } from '@icebridge/journal'
import {
  parseBoundary,
  rangeKeyOf,
  rowRange,
  serializeBoundary,
  type KeyBoundary,
  type RangeKey,
} from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'
import { fillBatch, type ExtractRun } from './extract-run.ts'
import { ChunkRead } from './read/chunk-read.ts'
import { LoadChunks, type Chunk } from './read/load-chunks.ts'
import { Losses } from './read/losses.ts'

/** Bytes of a chunk that may wait in memory until the chunks before it are committed, a connection. */
const aheadBytes = 4 * 1024 * 1024
/** The same of the next chunk while the one before it is committed: nothing else is in memory then, and the source need not wait. */
const commitAheadBytes = 16 * 1024 * 1024
const batchBytes = 2 * 1024 * 1024

/** `complete`: the last chunk is committed. `conflict`: somebody else committed; what this run committed before stays. */
export type LoadOutcome = { readonly status: 'complete' } | { readonly status: 'conflict'; readonly reason: string }

/** A load that is under way: what is committed, and the hand-over, which was taken before any row was read. */
interface LoadState {
  readonly loadId: string
  readonly handover: Watermark
  readonly chunks: number
  readonly upTo: KeyBoundary | undefined
}

/** A chunk whose rows are being read ahead. */
interface OpenChunk extends AsyncDisposable {
  readonly chunk: Chunk
  readonly read: ChunkRead
  /** Of the last read of the chunk. */
  readonly losses: Losses
}

/**
 * Loads a table chunk by chunk, or goes on with a load that was begun. Chunks are read at the same time and committed in order,
 * each with the place where the next one begins; the watermark appears with the last.
 *
 * @param bound the upper bound of the source, taken before any row: the hand-over of a load that begins.
 */
export async function load(
  run: ExtractRun,
  state: { readonly journal: Journal; readonly head: JournalHead; readonly bound: Watermark },
): Promise<LoadOutcome> {
  const key = run.settings.chunkRows === 0 ? undefined : rangeKeyOf(run.definition).key
  const begun = goOn(state.journal, state.head, key)
  const loading: LoadState = begun ?? {
    loadId: run.context.environment.uuid(),
    handover: state.bound,
    chunks: 0,
    upTo: undefined,
  }
  run.totals.begin({ handover: loading.handover, chunks: loading.chunks, key: key?.name })
  const plan = new LoadChunks({
    table: run.definition,
    key,
    chunkRows: run.settings.chunkRows,
    reads: run.reads,
    done: { chunks: loading.chunks, upTo: loading.upTo },
  })
  const queue = new ChunkQueue(run, plan)
  try {
    return await commitInOrder(run, { ...state, loading, key, plan, queue })
  } finally {
    await queue.close()
  }
}

/** The load that the head is in the middle of, when its place can be found again under the key that the table has now. */
function goOn(journal: Journal, head: JournalHead, key: RangeKey | undefined): LoadState | undefined {
  const begun = journal.unfinishedLoad(head)
  if (begun?.cursor === undefined || key === undefined) return undefined
  const upTo = parseBoundary(key, begun.cursor)
  return upTo === undefined ? undefined : { ...begun, chunks: begun.chunk, upTo }
}

async function commitInOrder(
  run: ExtractRun,
  state: {
    readonly journal: Journal
    readonly head: JournalHead
    readonly loading: LoadState
    readonly key: RangeKey | undefined
    readonly plan: LoadChunks
    readonly queue: ChunkQueue
  },
): Promise<LoadOutcome> {
  const { loading, key, plan, queue } = state
  let { journal, head } = state
  for (;;) {
    await using open = await queue.next()
    if (open === undefined) return { status: 'complete' }
    const { chunk, losses } = open
    const { upTo } = chunk.ends
    let bytes = 0
    const weigh = async function* (batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
      bytes = 0
      for await (const batch of batches) {
        bytes += batch.data.byteLength
        yield batch
      }
    }
    await using batch = await fillBatch(run, {
      journal,
      head,
      mode: 'load',
      load: {
        loadId: loading.loadId,
        handover: loading.handover,
        chunk: chunk.number,
        chunks: chunk.last ? chunk.number : undefined,
        ...(upTo === undefined || key === undefined ? {} : { cursor: serializeBoundary(key, upTo) }),
      },
      // The first try takes what was read ahead; a repetition reads the chunk again from its beginning.
      read: (attempt) => weigh(attempt === 1 ? open.read.batches() : run.reads.stream(queryOf(run, chunk), losses)),
    })
    plan.learn(batch.rows, bytes)
    queue.runAhead()
    const outcome = await batch.commit({
      watermark: loading.handover,
      strategy: run.strategy.name,
      summary: { 'icebridge.run-id': run.context.runId, ...losses.summary },
    })
    if (outcome.status === 'conflict') return outcome
    run.totals.add(outcome, losses)
    run.context.logger.debug(
      { runId: run.context.runId, journal: journal.label, chunk: chunk.number, rows: outcome.rows },
      'chunk committed',
    )
    if (chunk.last) return { status: 'complete' }
    journal = await journal.refresh(run.options)
    head = await journal.head(run.options)
    if (head.firstLoad?.loadId !== loading.loadId || head.firstLoad.chunk !== chunk.number) {
      return { status: 'conflict', reason: `somebody else went on with the load after chunk ${chunk.number}` }
    }
  }
}

/** Every row of the chunk as it is: what changed since the hand-over comes again with the next run. */
function queryOf(run: ExtractRun, chunk: Chunk): ReturnType<ExtractRun['query']> {
  const { key } = rangeKeyOf(run.definition)
  const rows = key === undefined ? undefined : rowRange(key, chunk.ends)
  return run.query({ low: undefined, high: undefined, rows })
}

/** Chunks in order, as many of them being read at the same time as the table may have connections. */
class ChunkQueue {
  readonly #run: ExtractRun
  readonly #plan: LoadChunks
  readonly #ahead: Promise<OpenChunk | undefined>[] = []
  #last: Promise<OpenChunk | undefined> = Promise.resolve(undefined)

  constructor(run: ExtractRun, plan: LoadChunks) {
    this.#run = run
    this.#plan = plan
  }

  /** The next chunk, whose read has begun; the caller disposes of it. Undefined after the last. */
  async next(): Promise<OpenChunk | undefined> {
    const { settings, context } = this.#run
    const connections = Math.min(settings.connections, context.source.maxConnections)
    while (this.#ahead.length < connections) this.#ahead.push(this.#openNext())
    const open = await this.#ahead.shift()
    open?.read.runAhead(aheadBytes)
    return open
  }

  /** Lets the chunk that is next read on while the one before it is committed. */
  runAhead(): void {
    const [next] = this.#ahead
    void next?.then(
      (open) => open?.read.runAhead(commitAheadBytes),
      () => undefined, // whoever comes to the chunk hears of it
    )
  }

  /** Stops every read that is left. */
  async close(): Promise<void> {
    for (const settled of await Promise.allSettled(this.#ahead)) {
      if (settled.status === 'fulfilled') await settled.value?.[Symbol.asyncDispose]()
    }
  }

  /** One after the other: a chunk begins where the one before it ends. */
  #openNext(): Promise<OpenChunk | undefined> {
    const opened = this.#last.then(async () => {
      const chunk = await this.#plan.next()
      return chunk === undefined ? undefined : this.#open(chunk)
    })
    this.#last = opened
    // Whoever comes to the chunk hears of its failure; until then it is nobody's.
    opened.catch(() => {})
    return opened
  }

  #open(chunk: Chunk): OpenChunk {
    const query = queryOf(this.#run, chunk)
    const losses = new Losses()
    const read = new ChunkRead((signal) => this.#run.reads.stream(query, losses, { signal, batchBytes }), {
      aheadBytes,
      signal: this.#run.options.signal,
    })
    return { chunk, read, losses, [Symbol.asyncDispose]: () => read[Symbol.asyncDispose]() }
  }
}
