import type { ColumnBuilder } from '@icebridge/columnar'
import { uuidToBytes, type NestedValue } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'

/** Appends a value of `iceberg-core`: a default, or a partition value. Nested values must be null: no default of theirs is read. */
export function appendValue(builder: ColumnBuilder, value: NestedValue): void {
  if (value === null) {
    builder.appendNull()
    return
  }
  switch (builder.kind) {
    case 'boolean':
      if (typeof value === 'boolean') return builder.append(value)
      break
    case 'int32':
    case 'float32':
    case 'float64':
    case 'date':
      if (typeof value === 'number') return builder.append(value)
      break
    case 'int64':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
    case 'decimal':
      if (typeof value === 'bigint') return builder.append(value)
      break
    case 'string':
      if (typeof value === 'string') return builder.append(value)
      break
    case 'binary':
    case 'fixed':
      if (value instanceof Uint8Array) return builder.append(value)
      break
    case 'uuid': {
      const bytes = typeof value === 'string' ? uuidToBytes(value) : undefined
      if (bytes !== undefined) return builder.append(bytes)
      break
    }
    case 'null':
    case 'struct':
    case 'list':
    case 'map':
      break
    default:
      return builder satisfies never
  }
  throw new IcebergIoError('unsupported-file', `column ${builder.name} has a default of a kind that is not read`, {
    context: { column: builder.name },
  })
}
