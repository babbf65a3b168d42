import type { Request } from 'tedious'
import { formatSqlType, type SqlType } from '../sql-type.ts'
import type { ByteSink } from './byte-sink.ts'
import type { WireType } from './wire-type.ts'

/** A type of the driver, by shape: its own are objects of these members too. */
export type DriverType = Parameters<Request['addParameter']>[1]

/**
 * A type for the driver that writes a value itself. The driver's own types take JavaScript numbers and dates, which lose digits;
 * here no value passes through the driver.
 *
 * @param declared the type in the statement's text.
 */
export function driverType(declared: SqlType, wire: WireType, writeValue: (sink: ByteSink) => void): DriverType {
  return {
    id: 0,
    type: 'ICEBRIDGE',
    // Not one of the names that the driver treats on its own (Text, NText, Image).
    name: 'Exact',
    declaration: () => formatSqlType(declared),
    validate: () => 0,
    writeTypeInfo: (sink, parameter) => wire.writeTypeInfo(sink, parameter.collation?.toBuffer().subarray(0, 5)),
    writeValue: (sink) => writeValue(sink),
  }
}
