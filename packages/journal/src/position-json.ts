import { isRecord } from './columns-json.ts'
import { JournalError } from './errors.ts'
import type { FirstLoad } from './journal-head.ts'
import { journalProperty } from './names.ts'

/** Where the extract leg stands, as a commit records it. */
export interface RecordedPosition {
  readonly watermark: string | undefined
  readonly strategy: string | undefined
  readonly sequence: bigint
  readonly snapshotId: bigint
  readonly committedAtMs: number
  readonly firstLoad: FirstLoad | undefined
}

/** The property's value. 64-bit numbers are strings, which any JSON reader keeps. */
export function serializePosition(position: RecordedPosition): string {
  const load = position.firstLoad
  return JSON.stringify({
    ...(position.watermark === undefined ? {} : { watermark: position.watermark }),
    ...(position.strategy === undefined ? {} : { strategy: position.strategy }),
    snapshotId: String(position.snapshotId),
    sequence: String(position.sequence),
    committedAtMs: position.committedAtMs,
    ...(load === undefined
      ? {}
      : {
          load: {
            id: load.loadId,
            handover: load.handover,
            chunk: load.chunk,
            ...(load.chunks === undefined ? {} : { chunks: load.chunks }),
            ...(load.cursor === undefined ? {} : { cursor: load.cursor }),
            ...(load.from === undefined ? {} : { from: String(load.from) }),
          },
        }),
  })
}

/** @throws {JournalError} `not-a-journal` when the property is damaged. */
export function parsePosition(text: string): RecordedPosition {
  try {
    const value: unknown = JSON.parse(text)
    if (!isRecord(value)) throw new TypeError('it is no object')
    const { watermark, strategy, snapshotId, sequence, committedAtMs, load } = value
    if (typeof snapshotId !== 'string' || typeof sequence !== 'string' || typeof committedAtMs !== 'number') {
      throw new TypeError('snapshotId, sequence and committedAtMs are not all there')
    }
    return {
      watermark: optionalText(watermark, 'watermark'),
      strategy: optionalText(strategy, 'strategy'),
      sequence: BigInt(sequence),
      snapshotId: BigInt(snapshotId),
      committedAtMs,
      firstLoad: load === undefined ? undefined : parseLoad(load),
    }
  } catch (cause) {
    throw new JournalError('not-a-journal', `the table property ${journalProperty.position} cannot be read`, {
      hint: `Remove the property ${journalProperty.position}: the newest commit of icebridge in the history then tells where the journal stands.`,
      cause,
    })
  }
}

/** Chunk n of m, as the summary has it: `n/m`, or `n/?` while their number is not known. */
export function formatChunk({ chunk, chunks }: Pick<FirstLoad, 'chunk' | 'chunks'>): string {
  return `${chunk}/${chunks ?? '?'}`
}

/** What {@link formatChunk} wrote. */
export function parseChunk(text: string): { readonly chunk: number; readonly chunks: number | undefined } | undefined {
  const match = /^([1-9]\d{0,8})\/(?:([1-9]\d{0,8})|\?)$/.exec(text)
  if (match === null) return undefined
  const chunk = Number(match[1])
  const chunks = match[2] === undefined ? undefined : Number(match[2])
  return chunks === undefined || chunk <= chunks ? { chunk, chunks } : undefined
}

function parseLoad(value: unknown): FirstLoad {
  if (!isRecord(value)) throw new TypeError('load is no object')
  const { id, handover, chunk, chunks, cursor, from } = value
  if (
    typeof id !== 'string' ||
    typeof handover !== 'string' ||
    typeof chunk !== 'number' ||
    (chunks !== undefined && typeof chunks !== 'number')
  ) {
    throw new TypeError('load is not complete')
  }
  return {
    loadId: id,
    handover,
    chunk,
    chunks,
    cursor: optionalText(cursor, 'cursor'),
    complete: chunk === chunks,
    from: bigintText(from),
  }
}

function bigintText(value: unknown): bigint | undefined {
  const text = optionalText(value, 'from')
  return text === undefined ? undefined : BigInt(text)
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new TypeError(`${name} is no text`)
}
