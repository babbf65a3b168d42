import type { NestedField } from '@icebridge/iceberg-core'
import { SYNC_AT, SYNC_BATCH, SYNC_OP, SYNC_SEQ, SYNC_VERSION } from './names.ts'

/** The fields that come first in every journal. */
export const bookkeepingFields: readonly NestedField[] = [
  {
    id: 1,
    name: SYNC_SEQ,
    required: true,
    type: 'long',
    doc: 'the one order: the highest is the newest version of a key',
  },
  { id: 2, name: SYNC_OP, required: true, type: 'string', doc: 'insert, update, upsert or delete' },
  { id: 3, name: SYNC_AT, required: true, type: 'timestamptz', doc: 'when the change was read' },
  { id: 4, name: SYNC_VERSION, required: false, type: 'string', doc: "the source's own position of the row" },
  { id: 5, name: SYNC_BATCH, required: true, type: 'string', doc: 'the batch that brought the row' },
]

export const syncSeqId = 1
export const syncAtId = 3
