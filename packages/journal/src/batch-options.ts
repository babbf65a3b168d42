import { JournalError } from './errors.ts'
import type { JournalHead } from './journal-head.ts'
import type { BatchMode } from './names.ts'

/** One chunk of a first load. */
export interface LoadChunk {
  /** The same for every chunk of a load; a restart goes on with the one that the head has. */
  readonly loadId: string
  /** The watermark taken before any row was read. */
  readonly handover: string
  /** From 1, committed in order. */
  readonly chunk: number
  /** Undefined while their number is not known: a chunk that is followed by others, how many it cannot say. The last one says it. */
  readonly chunks: number | undefined
  /** Where the next chunk begins, for whoever goes on with the load; of any chunk but the last. */
  readonly cursor?: string | undefined
}

export interface BatchOptions {
  /** The head that the source's changes were read after. */
  readonly base: JournalHead
  /** A uuid that no other batch has. */
  readonly batchId: string
  readonly mode: BatchMode
  /** For mode `load`; when absent the batch is all of a load. */
  readonly load?: LoadChunk | undefined
  /** Size at which a data file is closed, in bytes. */
  readonly targetFileSizeBytes?: number | undefined
  /** How often an unknown outcome is looked into, by default 5. */
  readonly commitAttempts?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CommitOptions {
  /** Where the changes in the batch end: the next batch begins there. Of a load, the hand-over when it has no chunk of its own. */
  readonly watermark: string
  readonly strategy: string
  /** Added to the snapshot's summary; keys of icebridge win. */
  readonly summary?: Readonly<Record<string, string>> | undefined
}

/** `conflict`: somebody else committed first; nothing of the batch is left, and the run starts again from the new head. */
export type JournalCommit =
  | {
      readonly status: 'committed'
      readonly snapshotId: bigint
      /** Both inclusive; undefined for a batch without rows. */
      readonly sequence: { readonly from: bigint; readonly to: bigint } | undefined
      readonly rows: bigint
    }
  | { readonly status: 'conflict'; readonly reason: string }

/**
 * Whether a batch of that mode may follow its base; the transitions are in SPEC.md.
 *
 * @throws {JournalError} `invalid-argument`.
 */
export function checkMode(options: BatchOptions, label: string): void {
  const { base, mode, load } = options
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(options.batchId)) {
    throw invalid(label, `${JSON.stringify(options.batchId)} is no uuid for a batch`)
  }
  if (mode !== 'load') {
    if (load !== undefined) throw invalid(label, `a batch of mode ${mode} is no chunk of a load`)
    if (base.watermark === undefined) throw invalid(label, `a batch of mode ${mode} needs a complete first load`)
    return
  }
  if (load === undefined) return
  const { chunk, chunks } = load
  if (!isCount(chunk) || (chunks !== undefined && (!isCount(chunks) || chunk > chunks))) {
    throw invalid(label, `there is no chunk ${chunk} of ${chunks ?? 'an unknown number'}`)
  }
  const committed = base.firstLoad?.loadId === load.loadId ? base.firstLoad : undefined
  if (chunk !== (committed?.chunk ?? 0) + 1) {
    throw invalid(label, `chunk ${chunk} of load ${load.loadId} does not follow chunk ${committed?.chunk ?? 0}`)
  }
  if (committed === undefined) return
  const otherNumber =
    committed.chunks === undefined ? chunks !== undefined && chunks !== chunk : committed.chunks !== chunks
  if (otherNumber || committed.handover !== load.handover) {
    throw invalid(label, `load ${load.loadId} was begun with another hand-over or another number of chunks`)
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1
}

/** The error for a call that does not fit. */
export function invalid(label: string, message: string): JournalError {
  return new JournalError('invalid-argument', `journal ${label}: ${message}`, {
    hint: 'Read the head again and build the batch on it; see the order of batches in SPEC.md.',
    context: { table: label },
  })
}
