import { driverVersion, testedDriverVersion } from '../exact-values/raw-values.ts'
import type { ByteSink } from './byte-sink.ts'

/** What of a row is there already, or is made when it is asked for. */
export type RowPiece = { readonly bytes: Buffer } | { readonly parts: Iterable<Buffer> }

/** Hears how the sending goes on. */
export interface Sending {
  /** A part was made. */
  part(): void
  /** The last one was taken. */
  end(): void
}

/** The driver's buffer of a load. After a cell it sends what `getBuffers` gives, one after the other, when that is enough for a packet. */
interface DriverSink extends ByteSink {
  getBuffers?: () => Iterable<Buffer>
}

/** So many bytes make the driver send after the cell. */
const SENT_AT_ONCE = 8 * 1024

/**
 * Gives a row to the driver, whose pieces are made while it sends: a server that is slow to take them holds up the making. A driver of
 * another version than the one this was written for gets the whole row at once.
 */
export function sendPieces(sink: ByteSink, pieces: readonly RowPiece[], sending: Sending): void {
  const parts = flat(pieces, sending)
  const driver: DriverSink = sink
  const { getBuffers } = driver
  const inParts = driverVersion() === testedDriverVersion && getBuffers !== undefined
  let sent = 0
  for (let part = parts.next(); part.done !== true; part = parts.next()) {
    sink.writeBuffer(part.value)
    sent += part.value.length
    if (inParts && sent >= SENT_AT_ONCE) break
  }
  if (!inParts || sent < SENT_AT_ONCE) {
    sending.end()
    return
  }
  // For one call; then the method of the class is seen again.
  driver.getBuffers = function* sendRest() {
    delete driver.getBuffers
    yield* getBuffers.call(sink)
    yield* parts
    sending.end()
  }
}

function* flat(pieces: readonly RowPiece[], sending: Sending): Generator<Buffer, void, undefined> {
  for (const piece of pieces) {
    if ('bytes' in piece) {
      if (piece.bytes.length > 0) yield piece.bytes
      continue
    }
    for (const part of piece.parts) {
      sending.part()
      yield part
    }
  }
}
