import { WatermarkError } from './errors.ts'
import type { WatermarkRecord } from './store.ts'

/** Version of the file's shape. Any new field is a new version: an older icebridge would drop it when it rewrites the file. */
const VERSION = 1
const FORMAT = 'icebridge-watermarks'
const FIELDS = ['table', 'strategy', 'watermark', 'snapshotId', 'sequence', 'updatedAt', 'runId'] as const

export function serializeWatermarks(records: ReadonlyMap<string, WatermarkRecord>): string {
  return JSON.stringify({ format: FORMAT, version: VERSION, watermarks: inOrder(records) }, undefined, 2) + '\n'
}

/** The records by table name, in the order of code units. */
export function inOrder(records: ReadonlyMap<string, WatermarkRecord>): readonly WatermarkRecord[] {
  return [...records.values()].sort((a, b) => (a.table < b.table ? -1 : a.table > b.table ? 1 : 0))
}

/** @throws WatermarkError `damaged` or `unsupported-version`, naming the file. */
export function parseWatermarks(text: string, path: string): Map<string, WatermarkRecord> {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw damaged(path, text === '' ? 'it is empty' : 'it is not JSON', cause)
  }
  if (!isObject(document) || document['format'] !== FORMAT) throw damaged(path, `it is not an ${FORMAT} file`)
  const version = document['version']
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    throw damaged(path, 'its version is missing')
  }
  if (version > VERSION) {
    throw new WatermarkError(
      'unsupported-version',
      `The watermark file ${path} has version ${version}; this icebridge knows versions up to ${VERSION}`,
      { context: { path, version }, hint: 'Upgrade icebridge, or give it a watermark file of its own.' },
    )
  }
  const list = document['watermarks']
  if (!Array.isArray(list)) throw damaged(path, 'it has no list of watermarks')
  const records = new Map<string, WatermarkRecord>()
  for (const [index, entry] of list.entries()) {
    const record = toRecord(entry)
    if (record === undefined) throw damaged(path, `record ${index} lacks one of ${FIELDS.join(', ')}`)
    if (records.has(record.table)) throw damaged(path, `it has two records for ${record.table}`)
    records.set(record.table, record)
  }
  return records
}

/** @throws WatermarkError `invalid-argument` when a field is missing, empty or not a string. */
export function checkRecord(record: WatermarkRecord): WatermarkRecord {
  const checked = toRecord(record)
  if (checked === undefined) {
    throw new WatermarkError('invalid-argument', `A watermark record needs text in each of ${FIELDS.join(', ')}`, {
      context: { table: String(record.table) },
    })
  }
  return checked
}

function toRecord(value: unknown): WatermarkRecord | undefined {
  if (!isObject(value)) return undefined
  const [table, strategy, watermark, snapshotId, sequence, updatedAt, runId] = FIELDS.map((field) => value[field])
  if (!isText(table) || !isText(strategy) || !isText(watermark) || !isText(snapshotId)) return undefined
  if (!isText(sequence) || !isText(updatedAt) || !isText(runId)) return undefined
  return { table, strategy, watermark, snapshotId, sequence, updatedAt, runId }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function damaged(path: string, what: string, cause?: unknown): WatermarkError {
  return new WatermarkError('damaged', `The watermark file ${path} is damaged: ${what}`, {
    context: { path },
    hint: 'It is a copy; the lake holds the watermarks of record. Move the file away and run again: it is written anew.',
    cause,
  })
}
