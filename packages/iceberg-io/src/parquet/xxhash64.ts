const prime1 = 0x9e37_79b1_85eb_ca87n
const prime2 = 0xc2b2_ae3d_27d4_eb4fn
const prime3 = 0x1656_67b1_9e37_79f9n
const prime4 = 0x85eb_ca77_c2b2_ae63n
const prime5 = 0x27d4_eb2f_1656_67c5n

/**
 * 64-bit xxHashes with seed 0 of parts of some bytes, each as two halves.
 *
 * Every step is cut to 64 bits at once, and the result goes through an array: V8 makes no bigint of them then.
 *
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
export class XxHash64 {
  readonly #bytes: DataView
  readonly #hash = new BigUint64Array(1)
  readonly #halves = new Int32Array(this.#hash.buffer)

  constructor(bytes: Uint8Array) {
    this.#bytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get low(): number {
    return this.#halves[0] ?? 0
  }

  get high(): number {
    return this.#halves[1] ?? 0
  }

  /** Hashes the bytes from `start` to `end - 1`. */
  hash(start: number, end: number): void {
    const bytes = this.#bytes
    let at = start
    let hash = BigInt.asUintN(64, prime5 + BigInt(end - start))
    if (end - start >= 32) {
      hash = BigInt.asUintN(64, stripes(bytes, start, end) + BigInt(end - start))
      at = end - ((end - start) & 31)
    }
    for (; at + 8 <= end; at += 8) {
      let lane = BigInt.asUintN(64, bytes.getBigUint64(at, true) * prime2)
      lane = BigInt.asUintN(64, BigInt.asUintN(64, lane << 31n) | (lane >> 33n))
      hash = BigInt.asUintN(64, hash ^ BigInt.asUintN(64, lane * prime1))
      hash = BigInt.asUintN(64, BigInt.asUintN(64, hash << 27n) | (hash >> 37n))
      hash = BigInt.asUintN(64, BigInt.asUintN(64, hash * prime1) + prime4)
    }
    if (at + 4 <= end) {
      hash = BigInt.asUintN(64, hash ^ BigInt.asUintN(64, BigInt(bytes.getUint32(at, true)) * prime1))
      hash = BigInt.asUintN(64, BigInt.asUintN(64, hash << 23n) | (hash >> 41n))
      hash = BigInt.asUintN(64, BigInt.asUintN(64, hash * prime2) + prime3)
      at += 4
    }
    for (; at < end; at++) {
      hash = BigInt.asUintN(64, hash ^ BigInt.asUintN(64, BigInt(bytes.getUint8(at)) * prime5))
      hash = BigInt.asUintN(64, BigInt.asUintN(64, hash << 11n) | (hash >> 53n))
      hash = BigInt.asUintN(64, hash * prime1)
    }
    hash = BigInt.asUintN(64, (hash ^ (hash >> 33n)) * prime2)
    hash = BigInt.asUintN(64, (hash ^ (hash >> 29n)) * prime3)
    this.#hash[0] = BigInt.asUintN(64, hash ^ (hash >> 32n))
  }
}

/** What the whole stripes of 32 bytes come to. */
function stripes(bytes: DataView, start: number, end: number): bigint {
  const lanes = [BigInt.asUintN(64, prime1 + prime2), prime2, 0n, BigInt.asUintN(64, -prime1)]
  for (let at = start; at + 32 <= end; at += 32) {
    for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane] ?? 0n, bytes.getBigUint64(at + lane * 8, true))
  }
  let hash = 0n
  for (const [lane, bits] of [1n, 7n, 12n, 18n].entries()) hash += rotate(lanes[lane] ?? 0n, bits)
  for (const lane of lanes) hash = BigInt.asUintN(64, (BigInt.asUintN(64, hash) ^ round(0n, lane)) * prime1 + prime4)
  return hash
}

function round(lane: bigint, input: bigint): bigint {
  return BigInt.asUintN(64, rotate(BigInt.asUintN(64, lane + input * prime2), 31n) * prime1)
}

function rotate(value: bigint, bits: bigint): bigint {
  return BigInt.asUintN(64, (value << bits) | (value >> (64n - bits)))
}
