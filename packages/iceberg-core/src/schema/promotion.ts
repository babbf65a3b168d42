import type { FormatVersion } from '../metadata/table-metadata.ts'
import { type Type, typesEqual } from './type.ts'

/** True when values of `from` can be read as `to` without rewriting. @see https://iceberg.apache.org/spec/#schema-evolution */
export function canPromote(from: Type, to: Type, formatVersion: FormatVersion): boolean {
  if (typesEqual(from, to)) return true
  if (from === 'int') return to === 'long'
  if (from === 'float') return to === 'double'
  if (from === 'unknown') return formatVersion >= 3
  if (from === 'date') return formatVersion >= 3 && (to === 'timestamp' || to === 'timestamp_ns')
  return (
    typeof from === 'object' &&
    typeof to === 'object' &&
    from.kind === 'decimal' &&
    to.kind === 'decimal' &&
    from.scale === to.scale &&
    to.precision > from.precision &&
    to.precision <= 38
  )
}
