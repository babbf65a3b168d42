import type { IsolationLevel, Parameter, SqlType, SqlValue } from '../session.ts'
import { ByteCursor } from './byte-cursor.ts'
import { ProtocolError } from './packets.ts'
import { readTypeInfo } from './type-info.ts'
import { valueReader } from './value-readers.ts'

export interface RpcParameter {
  /** With the leading @; empty for a parameter by position. */
  readonly name: string
  readonly type: SqlType
  readonly value: SqlValue
  readonly output: boolean
}

export interface RpcCall {
  /** Lower case for the procedures with a number. */
  readonly procedure: string
  readonly parameters: readonly RpcParameter[]
}

export type TransactionRequest =
  | { readonly kind: 'begin'; readonly isolation: IsolationLevel | undefined; readonly name: string }
  | { readonly kind: 'commit' | 'rollback'; readonly name: string; readonly next: NextTransaction | undefined }
  | { readonly kind: 'save'; readonly name: string }

/** A commit or rollback may ask for the next transaction in the same request. */
export interface NextTransaction {
  readonly isolation: IsolationLevel | undefined
  readonly name: string
}

/** @see [MS-TDS] 2.2.6.6 RPC Request, ProcID */
const PROCEDURES: ReadonlyMap<number, string> = new Map([
  [1, 'sp_cursor'],
  [2, 'sp_cursoropen'],
  [3, 'sp_cursorprepare'],
  [4, 'sp_cursorexecute'],
  [5, 'sp_cursorprepexec'],
  [6, 'sp_cursorunprepare'],
  [7, 'sp_cursorfetch'],
  [8, 'sp_cursoroption'],
  [9, 'sp_cursorclose'],
  [10, 'sp_executesql'],
  [11, 'sp_prepare'],
  [12, 'sp_execute'],
  [13, 'sp_prepexec'],
  [14, 'sp_prepexecrpc'],
  [15, 'sp_unprepare'],
])
const STATUS_BY_REFERENCE = 0x01
const BATCH_FLAGS: ReadonlySet<number> = new Set([0x80, 0xff])

export function parseBatch(bytes: Buffer): string {
  const cursor = afterHeaders(bytes)
  return cursor.utf16(cursor.remaining & ~1)
}

export function parseRpc(bytes: Buffer): readonly RpcCall[] {
  const cursor = afterHeaders(bytes)
  const calls: RpcCall[] = []
  while (cursor.remaining > 0) {
    const nameLength = cursor.uint16()
    const procedure = nameLength === 0xffff ? procedureById(cursor.uint16()) : cursor.utf16(nameLength * 2)
    cursor.uint16()
    const parameters: RpcParameter[] = []
    while (cursor.remaining > 0) {
      if (BATCH_FLAGS.has(cursor.view.getUint8(cursor.position))) {
        cursor.uint8()
        break
      }
      const name = cursor.shortString()
      const status = cursor.uint8()
      const wire = readTypeInfo(cursor)
      const value = valueReader(wire)(cursor)
      parameters.push({ name, type: wire.type, value, output: (status & STATUS_BY_REFERENCE) !== 0 })
    }
    calls.push({ procedure, parameters })
  }
  return calls
}

/** @see [MS-TDS] 2.2.6.9 Transaction Manager Request */
export function parseTransaction(bytes: Buffer): TransactionRequest {
  const cursor = afterHeaders(bytes)
  const kind = cursor.uint16()
  switch (kind) {
    case 5:
      return { kind: 'begin', ...nextTransaction(cursor) }
    case 7:
    case 8: {
      const name = byteString(cursor)
      const begins = (cursor.uint8() & 0x01) !== 0
      return { kind: kind === 7 ? 'commit' : 'rollback', name, next: begins ? nextTransaction(cursor) : undefined }
    }
    case 9:
      return { kind: 'save', name: byteString(cursor) }
    default:
      throw new ProtocolError(
        `The sandbox does not know the transaction request ${kind}; distributed transactions are not supported.`,
      )
  }
}

/**
 * Gives parameters sent by position the names of the declaration (`@id int, @total decimal(18,2) OUTPUT`), which the
 * statement knows them by.
 */
export function bindNames(declaration: string, parameters: readonly RpcParameter[]): readonly Parameter[] {
  const names = declaredNames(declaration)
  return parameters.map((parameter, index) =>
    parameter.name === '' ? { ...parameter, name: names[index] ?? `@P${index + 1}` } : parameter,
  )
}

export function declaredNames(declaration: string): readonly string[] {
  const names: string[] = []
  let depth = 0
  let start = true
  for (const match of declaration.matchAll(/[(),]|@[\p{L}\p{N}_@#$]+/gu)) {
    const [token] = match
    if (token === '(') depth++
    else if (token === ')') depth--
    else if (token === ',') start ||= depth === 0
    else if (start) {
      names.push(token)
      start = false
    }
  }
  return names
}

function afterHeaders(bytes: Buffer): ByteCursor {
  const cursor = new ByteCursor(bytes)
  const length = cursor.uint32()
  if (length < 4 || length > bytes.length) throw new ProtocolError('The ALL_HEADERS of the request are malformed.')
  cursor.position = length
  return cursor
}

function procedureById(id: number): string {
  const name = PROCEDURES.get(id)
  if (name === undefined) throw new ProtocolError(`There is no procedure with the number ${id}.`)
  return name
}

const ISOLATION: readonly (IsolationLevel | undefined)[] = [
  undefined,
  'read uncommitted',
  'read committed',
  'repeatable read',
  'serializable',
  'snapshot',
]

function nextTransaction(cursor: ByteCursor): NextTransaction {
  return { isolation: ISOLATION[cursor.uint8()], name: byteString(cursor) }
}

/** B_VARBYTE that holds UTF-16. */
function byteString(cursor: ByteCursor): string {
  return cursor.utf16(cursor.uint8())
}
