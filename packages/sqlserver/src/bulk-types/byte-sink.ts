/** What the driver gives a type to write into: little-endian, growing by itself. */
export interface ByteSink {
  writeUInt8(value: number): void
  writeUInt16LE(value: number): void
  writeUInt24LE(value: number): void
  writeUInt32LE(value: number): void
  writeInt16LE(value: number): void
  writeInt32LE(value: number): void
  writeBigInt64LE(value: bigint): void
  writeBigUInt64LE(value: bigint): void
  writeFloatLE(value: number): void
  writeDoubleLE(value: number): void
  writeString(value: string, encoding: 'ucs2'): void
  writeBuffer(value: Buffer): void
}

/** A sink that takes bytes which are made while they are sent. */
export interface PartSink extends ByteSink {
  writeParts(parts: Iterable<Buffer>): void
}
