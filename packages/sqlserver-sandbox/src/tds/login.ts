import type { Login } from '../session.ts'
import { type ByteWriter } from './byte-writer.ts'
import { ProtocolError } from './packets.ts'

const PRELOGIN = { version: 0, encryption: 1, instance: 2, thread: 3, mars: 4, end: 0xff }
const ENCRYPT_NOT_SUPPORTED = 0x02
const FEATURE = { utf8: 0x0a, end: 0xff }
const MIN_TDS = 0x74000004
const LOGIN_FIXED_BYTES = 94

/**
 * The answer to PRELOGIN: no encryption, no MARS. A client that insists on encryption says so itself and goes.
 * @see [MS-TDS] 2.2.6.5
 */
export function writePrelogin(out: ByteWriter): void {
  const options: readonly (readonly [token: number, data: readonly number[]])[] = [
    [PRELOGIN.version, [16, 0, 0x10, 0x00, 0, 0]],
    [PRELOGIN.encryption, [ENCRYPT_NOT_SUPPORTED]],
    [PRELOGIN.instance, [0]],
    [PRELOGIN.thread, []],
    [PRELOGIN.mars, [0]],
  ]
  const bytes: number[] = []
  let offset = options.length * 5 + 1
  for (const [token, data] of options) {
    bytes.push(token, offset >>> 8, offset & 0xff, data.length >>> 8, data.length & 0xff)
    offset += data.length
  }
  bytes.push(PRELOGIN.end)
  for (const [, data] of options) bytes.push(...data)
  out.data(Uint8Array.from(bytes))
}

export interface LoginRequest extends Login {
  /** As asked for, not yet bounded; 0 leaves it to the server. */
  readonly packetSize: number
  readonly utf8Feature: boolean
}

/** @see [MS-TDS] 2.2.6.4 LOGIN7 */
export function parseLogin7(bytes: Buffer): LoginRequest {
  if (bytes.length < LOGIN_FIXED_BYTES) throw new ProtocolError('The LOGIN7 message is too short.')
  if (bytes.readUInt32LE(4) < MIN_TDS) {
    throw new ProtocolError('The sandbox speaks TDS 7.4 only; set tdsVersion to 7_4.')
  }
  const text = (at: number): string => {
    const start = bytes.readUInt16LE(at)
    return bytes.toString('utf16le', start, start + bytes.readUInt16LE(at + 2) * 2)
  }
  const passwordAt = bytes.readUInt16LE(44)
  const password = Buffer.from(bytes.subarray(passwordAt, passwordAt + bytes.readUInt16LE(46) * 2))
  for (let index = 0; index < password.length; index++) {
    const byte = (password[index] ?? 0) ^ 0xa5
    password[index] = (byte >>> 4) | ((byte & 0x0f) << 4)
  }
  const database = text(68)
  return {
    hostName: text(36),
    userName: text(40),
    password: password.toString('utf16le'),
    appName: text(48),
    database: database === '' ? undefined : database,
    packetSize: bytes.readUInt32LE(8),
    utf8Feature: asksForUtf8(bytes),
  }
}

function asksForUtf8(bytes: Buffer): boolean {
  const hasExtension = (bytes.readUInt8(27) & 0x10) !== 0
  if (!hasExtension) return false
  let at = bytes.readUInt32LE(bytes.readUInt16LE(56))
  while (at + 5 <= bytes.length && bytes[at] !== FEATURE.end) {
    if (bytes[at] === FEATURE.utf8) return true
    at += 5 + bytes.readUInt32LE(at + 1)
  }
  return false
}
