import {
  isJsonArray,
  isJsonObject,
  parseJsonLossless,
  stringifyJsonLossless,
  type JsonObject,
  type JsonValue,
} from '@icebridge/iceberg-core'

/** How a blob is compressed in its file; absent when it is not. */
export type PuffinCodec = 'lz4' | 'zstd'

/** What the footer of a Puffin file says of one blob. @see https://iceberg.apache.org/puffin-spec/#blobmetadata */
export interface PuffinBlob {
  readonly type: string
  /** Ids of the fields that the blob was computed for. */
  readonly fields: readonly number[]
  /** -1 for a deletion vector. */
  readonly snapshotId: bigint
  /** -1 for a deletion vector. */
  readonly sequenceNumber: bigint
  /** Where the blob starts in the file, in bytes. */
  readonly offset: bigint
  /** Bytes in the file, compressed. */
  readonly length: bigint
  /** Some codecs have been written that the spec does not know. */
  readonly codec?: PuffinCodec | (string & {})
  readonly properties: Readonly<Record<string, string>>
}

export interface PuffinFooter {
  readonly blobs: readonly PuffinBlob[]
  readonly properties: Readonly<Record<string, string>>
}

export function serializeFooter(footer: PuffinFooter): Buffer {
  const json: JsonObject = {
    blobs: footer.blobs.map((blob) => ({
      type: blob.type,
      fields: blob.fields,
      'snapshot-id': blob.snapshotId,
      'sequence-number': blob.sequenceNumber,
      offset: blob.offset,
      length: blob.length,
      ...(blob.codec === undefined ? {} : { 'compression-codec': blob.codec }),
      properties: blob.properties,
    })),
    properties: footer.properties,
  }
  return Buffer.from(stringifyJsonLossless(json))
}

/** @throws what `malformed` makes of a reason. */
export function parseFooter(payload: Uint8Array, malformed: (reason: string, cause?: unknown) => Error): PuffinFooter {
  let json: JsonValue
  try {
    json = parseJsonLossless(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (cause) {
    throw malformed('its footer is not JSON', cause)
  }
  if (!isJsonObject(json) || json['blobs'] === undefined || !isJsonArray(json['blobs'])) {
    throw malformed('its footer has no list of blobs')
  }
  return {
    blobs: json['blobs'].map((blob, index) => blobFromJson(blob, (what) => malformed(`blob ${index} has no ${what}`))),
    properties: stringMap(json['properties'], () => malformed('its properties are not strings')),
  }
}

function blobFromJson(json: JsonValue, missing: (what: string) => Error): PuffinBlob {
  if (!isJsonObject(json)) throw missing('metadata')
  const { type, fields, 'compression-codec': codec } = json
  if (typeof type !== 'string') throw missing('type')
  if (fields === undefined || !isJsonArray(fields)) throw missing('list of fields')
  const long = (key: string): bigint => {
    const value = json[key]
    if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
    throw missing(key)
  }
  if (codec !== undefined && codec !== null && typeof codec !== 'string') throw missing('readable compression-codec')
  return {
    type,
    fields: fields.map((id) => {
      if (typeof id !== 'number' || (id | 0) !== id) throw missing('list of field ids')
      return id
    }),
    snapshotId: long('snapshot-id'),
    sequenceNumber: long('sequence-number'),
    offset: long('offset'),
    length: long('length'),
    ...(typeof codec === 'string' ? { codec } : {}),
    properties: stringMap(json['properties'], () => missing('map of string properties')),
  }
}

function stringMap(json: JsonValue | undefined, malformed: () => Error): Readonly<Record<string, string>> {
  if (json === undefined || json === null) return {}
  if (!isJsonObject(json)) throw malformed()
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (typeof value !== 'string') throw malformed()
      return [key, value]
    }),
  )
}
