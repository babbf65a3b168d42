import {
  changeOrdinalColumn,
  changeTypeColumn,
  commitSnapshotIdColumn,
  deletedColumn,
  deleteFilePathColumn,
  deletePositionColumn,
  deleteRowColumn,
  fileColumn,
  formatType,
  highestTableFieldId,
  lastUpdatedSequenceNumberColumn,
  partitionColumn,
  positionColumn,
  rowIdColumn,
  specIdColumn,
  type StructType,
} from '@icebridge/iceberg-core'
import { describe, expect, it } from 'vitest'

/** As the spec prints it. @see https://iceberg.apache.org/spec/#reserved-field-ids */
const SPEC = `
| **\`2147483646  _file\`**          | \`string\`      |
| **\`2147483645  _pos\`**           | \`long\`        |
| **\`2147483644  _deleted\`**       | \`boolean\`     |
| **\`2147483643  _spec_id\`**       | \`int\`         |
| **\`2147483642  _partition\`**     | \`struct\`      |
| **\`2147483546  file_path\`**      | \`string\`      |
| **\`2147483545  pos\`**            | \`long\`        |
| **\`2147483544  row\`**            | \`struct<...>\` |
| **\`2147483543  _change_type\`**                    | \`string\`      |
| **\`2147483542  _change_ordinal\`**                 | \`int\`         |
| **\`2147483541  _commit_snapshot_id\`**             | \`long\`        |
| **\`2147483540  _row_id\`**                         | \`long\`        |
| **\`2147483539  _last_updated_sequence_number\`**   | \`long\`        |
`

describe('metadata columns', () => {
  it('have the ids, names and types of the spec, all above the ids of tables', () => {
    const struct: StructType = { kind: 'struct', fields: [{ id: 1, name: 'a', required: false, type: 'int' }] }
    const rows = [...SPEC.matchAll(/`(\d+) +(\w+)`\*\* *\| `(\w+)/g)].map(([, id, name, type]) => [
      Number(id),
      name,
      type,
    ])
    expect(rows).toHaveLength(13)
    const columns = [
      fileColumn,
      positionColumn,
      deletedColumn,
      specIdColumn,
      partitionColumn(struct),
      deleteFilePathColumn,
      deletePositionColumn,
      deleteRowColumn(struct),
      changeTypeColumn,
      changeOrdinalColumn,
      commitSnapshotIdColumn,
      rowIdColumn,
      lastUpdatedSequenceNumberColumn,
    ]
    expect(columns.map(({ id, name, type }) => [id, name, formatType(type).replace(/<.*/, '')])).toEqual(rows)
    expect(columns.every(({ id }) => id > highestTableFieldId)).toBe(true)
    expect(highestTableFieldId).toBe(2 ** 31 - 1 - 200)
  })
})
