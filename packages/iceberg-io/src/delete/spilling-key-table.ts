import { dumpTable, KeyTable, loadRecords, recordOf } from './key-table.ts'
import { hashBytes, type RowKeys } from './row-keys.ts'
import type { SpilledBytes, SpillFile } from './spill-file.ts'

/** Keys are spread over so many parts by their hash; a part is what is spilled and loaded. */
const partBits = 6
const partCount = 1 << partBits
/** New keys of a spilled part are written together. */
const pendingBytes = 64 * 1024

export interface SpillingKeyTableOptions {
  /** 32-bit values a key. */
  readonly width: number
  readonly spill: SpillFile
  /** Bytes at which the largest part goes to the temporary file. */
  readonly memoryBytes: number
  /** Adds values to those that a key has; all 0 for a new one. */
  readonly merge: (table: KeyTable, entry: number, values: readonly number[]) => void
}

interface Part {
  /** Undefined while spilled. */
  table: KeyTable | undefined
  /** What of the part is in the temporary file. */
  runs: SpilledBytes[]
  /** Records of a spilled part that are not written yet. */
  pending: Buffer[]
  pendingBytes: number
  /** Whether the table differs from the runs. */
  isDirty: boolean
}

/** Rows to look up; those that `skip` marks are left out. */
export interface KeyRows {
  readonly keys: RowKeys
  readonly rows: number
  readonly skip?: Uint8Array | undefined
}

/**
 * A {@link KeyTable} for more keys than memory has room for: parts of it are in a temporary file and are loaded, one at a
 * time, for all the rows of a batch that need them. Memory is bounded by the limit, or by one part when that is larger.
 */
export class SpillingKeyTable {
  readonly #options: SpillingKeyTableOptions
  readonly #parts: readonly Part[]
  #hasSpilled = false

  constructor(options: SpillingKeyTableOptions) {
    this.#options = options
    this.#parts = Array.from({ length: partCount }, () => ({
      table: undefined,
      runs: [],
      pending: [],
      pendingBytes: 0,
      isDirty: false,
    }))
  }

  /** True once a part was spilled: lookups do well to come in large batches then. */
  get hasSpilled(): boolean {
    return this.#hasSpilled
  }

  /** Adds the keys of rows, each with the same values. */
  async add({ keys, rows, skip }: KeyRows, values: readonly number[]): Promise<void> {
    for (let row = 0; row < rows; row++) {
      if (skip?.[row] === 1) continue
      const length = keys.write(row)
      const hash = hashBytes(keys.bytes, length)
      const part = this.#part(hash)
      if (part.runs.length > 0 && part.table === undefined) {
        const bytes = recordOf(keys.bytes.subarray(0, length), values)
        part.pending.push(bytes)
        part.pendingBytes += bytes.length
        if (part.pendingBytes >= pendingBytes) await this.#flush(part)
        continue
      }
      part.table ??= new KeyTable(this.#options.width)
      this.#options.merge(part.table, part.table.insert(keys.bytes, length, hash), values)
      part.isDirty = true
    }
    await this.#makeRoom(undefined)
  }

  /**
   * Visits each row with its part of the table and its entry there, -1 when the key is unknown. Rows of one part keep
   * their order. With `mutates` the visitor may change values.
   */
  async visit(
    lookup: KeyRows & { readonly mutates?: boolean | undefined },
    visitor: (row: number, table: KeyTable, entry: number) => void,
  ): Promise<void> {
    const { keys, rows, skip, mutates = false } = lookup
    if (!this.#hasSpilled) {
      for (let row = 0; row < rows; row++) {
        if (skip?.[row] === 1) continue
        const length = keys.write(row)
        const hash = hashBytes(keys.bytes, length)
        const part = this.#part(hash)
        const table = part.table ?? emptyTable
        if (mutates) part.isDirty = true
        visitor(row, table, table.find(keys.bytes, length, hash))
      }
      return
    }
    for (const [index, own] of this.#rowsByPart(lookup).entries()) {
      const part = this.#parts[index]
      if (own.length === 0 || part === undefined) continue
      const table = await this.#load(part)
      for (const row of own) {
        const length = keys.write(row)
        visitor(row, table, table.find(keys.bytes, length, hashBytes(keys.bytes, length)))
      }
      if (mutates) part.isDirty = true
    }
  }

  #part(hash: number): Part {
    const part = this.#parts[hash >>> (32 - partBits)]
    if (part === undefined) throw new TypeError('a part for each hash')
    return part
  }

  #rowsByPart({ keys, rows, skip }: KeyRows): readonly number[][] {
    const byPart: number[][] = Array.from({ length: partCount }, () => [])
    for (let row = 0; row < rows; row++) {
      if (skip?.[row] === 1) continue
      const length = keys.write(row)
      byPart[hashBytes(keys.bytes, length) >>> (32 - partBits)]?.push(row)
    }
    return byPart
  }

  async #load(part: Part): Promise<KeyTable> {
    if (part.table !== undefined) return part.table
    const table = new KeyTable(this.#options.width)
    for (const run of part.runs) loadRecords(table, await this.#options.spill.read(run), this.#options.merge)
    for (const record of part.pending) loadRecords(table, record, this.#options.merge)
    part.isDirty = part.pending.length > 0
    part.pending = []
    part.pendingBytes = 0
    part.table = table
    await this.#makeRoom(part)
    return table
  }

  async #makeRoom(keep: Part | undefined): Promise<void> {
    let bytes = this.#parts.reduce((sum, part) => sum + (part.table?.byteSize ?? 0) + part.pendingBytes, 0)
    const largestFirst = this.#parts
      .filter((part) => part !== keep && part.table !== undefined)
      .toSorted((a, b) => (b.table?.byteSize ?? 0) - (a.table?.byteSize ?? 0))
    for (const part of largestFirst) {
      if (bytes <= this.#options.memoryBytes) return
      bytes -= part.table?.byteSize ?? 0
      await this.#evict(part)
    }
  }

  async #evict(part: Part): Promise<void> {
    const { table } = part
    if (table === undefined) return
    if (part.isDirty || part.runs.length === 0) {
      const bytes = dumpTable(table)
      const [only] = part.runs
      // A table whose values alone have changed takes its old place.
      const place = part.runs.length === 1 && only?.length === bytes.length ? only : undefined
      part.runs = [await this.#options.spill.write(bytes, place)]
    }
    part.table = undefined
    part.isDirty = false
    this.#hasSpilled = true
  }

  async #flush(part: Part): Promise<void> {
    part.runs.push(await this.#options.spill.write(Buffer.concat(part.pending)))
    part.pending = []
    part.pendingBytes = 0
  }
}

const emptyTable = new KeyTable(1)
