/** Two's complement, big-endian, in the fewest bytes that hold the value. */
export function minimalBigEndian(value: bigint): Uint8Array {
  let length = 1
  while (BigInt.asIntN(length * 8, value) !== value) length++
  return bigEndian(value, length)
}

/** Two's complement, big-endian, in exactly `length` bytes, sign-extended. The value must fit. */
export function bigEndian(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let rest = value
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** The value of two's complement big-endian bytes of any length; 0 for none. */
export function fromBigEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(bytes.length * 8, value)
}

/** Bytes that a fixed-length decimal of that precision takes in Avro and Parquet. */
export function decimalByteLength(precision: number): number {
  const highest = 10n ** BigInt(precision) - 1n
  let length = 1
  while (BigInt.asIntN(length * 8, highest) !== highest) length++
  return length
}

/** `-12.3400` for unscaled -123400 and scale 4; scientific with the negated scale as exponent for a negative scale. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale < 0) return `${unscaled}E+${-scale}`
  if (scale === 0) return String(unscaled)
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** The unscaled value of decimal text at that scale; `undefined` when it is no decimal or would lose digits. */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text.trim())
  if (match === null) return undefined
  const digits = (match[2] ?? '') + (match[3] ?? '')
  if (digits === '') return undefined
  const shift = Number(match[4] ?? 0) - (match[3] ?? '').length + scale
  let unscaled = BigInt(digits)
  if (shift >= 0) {
    unscaled *= 10n ** BigInt(shift)
  } else {
    const by = 10n ** BigInt(-shift)
    if (unscaled % by !== 0n) return undefined
    unscaled /= by
  }
  return match[1] === '-' ? -unscaled : unscaled
}
