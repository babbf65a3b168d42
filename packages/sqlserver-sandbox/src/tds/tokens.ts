import type { ResultColumn, SqlError, SqlType, SqlValue } from '../session.ts'
import type { ByteWriter } from './byte-writer.ts'
import { ENV, TOKEN } from './constants.ts'
import { userType, writeTypeInfo } from './type-info.ts'
import { valueWriter } from './value-writers.ts'

export const SERVER_NAME = 'icebridge-sandbox'
const TDS_7_4 = 0x74000004
const PROGRAM_NAME = 'Microsoft SQL Server'
/** Major version 16 is SQL Server 2022, whose dialect the sandbox follows. */
const PROGRAM_VERSION = [16, 0, 0x10, 0x00] as const
const FEATURE_UTF8 = 0x0a
const FEATURE_END = 0xff
const COLUMN_FLAG = { nullable: 0x01, updatable: 0x04, identity: 0x10, computed: 0x20 }

/** @see [MS-TDS] 2.2.7.6 DONE, 2.2.7.7 DONEINPROC, 2.2.7.8 DONEPROC */
export function writeDone(out: ByteWriter, done: { token: number; status: number; rowCount?: number }): void {
  out.uint8(done.token)
  out.uint16(done.status)
  out.uint16(0)
  out.uint64(BigInt(done.rowCount ?? 0))
}

/** ERROR or INFO. @see [MS-TDS] 2.2.7.10, 2.2.7.13 */
export function writeMessage(out: ByteWriter, token: number, error: SqlError): void {
  out.uint8(token)
  const lengthAt = beginLength(out)
  out.int32(error.number)
  out.uint8(error.state & 0xff)
  out.uint8(error.severity & 0xff)
  out.longString(error.message.slice(0, 8000))
  out.shortString(SERVER_NAME)
  out.shortString(error.procedure ?? '')
  out.uint32(error.line)
  endLength(out, lengthAt)
}

/** @see [MS-TDS] 2.2.7.9 ENVCHANGE */
export function writeEnvText(out: ByteWriter, kind: number, change: { to: string; from: string }): void {
  out.uint8(TOKEN.envChange)
  const lengthAt = beginLength(out)
  out.uint8(kind)
  out.shortString(change.to)
  out.shortString(change.from)
  endLength(out, lengthAt)
}

export function writeEnvBytes(out: ByteWriter, kind: number, change: { to: Uint8Array; from: Uint8Array }): void {
  out.uint8(TOKEN.envChange)
  const lengthAt = beginLength(out)
  out.uint8(kind)
  for (const bytes of [change.to, change.from]) {
    out.uint8(bytes.length)
    out.data(bytes)
  }
  endLength(out, lengthAt)
}

export function writeTransactionChange(
  out: ByteWriter,
  change: { kind: 'begin' | 'commit' | 'rollback'; descriptor: bigint },
): void {
  const descriptor = new Uint8Array(8)
  new DataView(descriptor.buffer).setBigUint64(0, BigInt.asUintN(64, change.descriptor), true)
  const none = new Uint8Array(0)
  const begins = change.kind === 'begin'
  writeEnvBytes(out, ENV[change.kind], { to: begins ? descriptor : none, from: begins ? none : descriptor })
}

/** @see [MS-TDS] 2.2.7.14 LOGINACK, 2.2.7.11 FEATUREEXTACK */
export function writeLoginAck(out: ByteWriter): void {
  out.uint8(TOKEN.loginAck)
  const lengthAt = beginLength(out)
  out.uint8(1)
  out.data(Uint8Array.of(TDS_7_4 >>> 24, (TDS_7_4 >>> 16) & 0xff, (TDS_7_4 >>> 8) & 0xff, TDS_7_4 & 0xff))
  out.shortString(PROGRAM_NAME)
  out.data(Uint8Array.from(PROGRAM_VERSION))
  endLength(out, lengthAt)
}

export function writeUtf8FeatureAck(out: ByteWriter): void {
  out.uint8(TOKEN.featureExtAck)
  out.uint8(FEATURE_UTF8)
  out.uint32(1)
  out.uint8(1)
  out.uint8(FEATURE_END)
}

/** @see [MS-TDS] 2.2.7.4 COLMETADATA */
export function writeColumns(out: ByteWriter, columns: readonly ResultColumn[]): void {
  out.uint8(TOKEN.colMetadata)
  out.uint16(columns.length)
  for (const column of columns) {
    out.uint32(userType(column.type))
    const kept = column.identity === true || column.computed === true || column.type.name === 'rowversion'
    out.uint16(
      (column.nullable ? COLUMN_FLAG.nullable : 0) |
        (kept ? 0 : COLUMN_FLAG.updatable) |
        (column.identity === true ? COLUMN_FLAG.identity : 0) |
        (column.computed === true ? COLUMN_FLAG.computed : 0),
    )
    writeTypeInfo(out, column.type, column.nullable)
    // text, ntext and image name their table; a name without parts says that it is not known.
    if (column.type.name === 'text' || column.type.name === 'ntext' || column.type.name === 'image') out.uint8(0)
    out.shortString(column.name)
  }
}

/** @see [MS-TDS] 2.2.7.17 RETURNSTATUS */
export function writeReturnStatus(out: ByteWriter, status: number): void {
  out.uint8(TOKEN.returnStatus)
  out.int32(status)
}

/** @see [MS-TDS] 2.2.7.18 RETURNVALUE */
export function writeReturnValue(
  out: ByteWriter,
  item: { ordinal: number; name: string; type: SqlType; value: SqlValue },
): void {
  out.uint8(TOKEN.returnValue)
  out.uint16(item.ordinal)
  out.shortString(item.name)
  out.uint8(0x01)
  out.uint32(userType(item.type))
  out.uint16(COLUMN_FLAG.nullable)
  writeTypeInfo(out, item.type, true)
  valueWriter(item.type, true)(out, item.value)
}

function beginLength(out: ByteWriter): number {
  const at = out.position
  out.uint16(0)
  return at
}

function endLength(out: ByteWriter, at: number): void {
  out.view.setUint16(at, out.position - at - 2, true)
}
