import { columnView } from '@icebridge/columnar'
import { SYNC_OP, SYNC_SEQ } from '@icebridge/journal'
import type { JournalUnit } from '@icebridge/journal'
import type { RecordBatch, Schema } from 'apache-arrow'
import { ImportError } from './errors.ts'

/**
 * One pass over a unit's batches that holds them against what the unit says: sequence numbers inside its range, and as many
 * rows as it promised. What it saw is known after the pass.
 */
export class UnitStream {
  readonly #unit: JournalUnit
  readonly #source: AsyncIterator<RecordBatch>
  readonly #target: string
  readonly #onRows: ((rows: number) => void) | undefined
  #first: RecordBatch | undefined
  #rows = 0
  #last: bigint | undefined
  #ascending = true
  #deletes = false

  private constructor(unit: JournalUnit, target: string, onRows: ((rows: number) => void) | undefined) {
    this.#unit = unit
    this.#source = unit.batches[Symbol.asyncIterator]()
    this.#target = target
    this.#onRows = onRows
  }

  /** Begins a pass and reads the first batch, whose schema holds for all. @throws {ImportError} `malformed-unit` when there is none. */
  static async open(
    unit: JournalUnit,
    options: { readonly target: string; readonly onRows?: (rows: number) => void },
  ): Promise<UnitStream> {
    const stream = new UnitStream(unit, options.target, options.onRows)
    const first = await stream.#source.next()
    if (first.done === true) throw stream.#malformed(`it has no batch, and ${unit.rows} rows were promised`)
    stream.#first = first.value
    return stream
  }

  get schema(): Schema {
    if (this.#first === undefined) throw new TypeError('the schema is read before the batches')
    return this.#first.schema
  }

  /** Whether the sequence numbers seen so far rose strictly. */
  get ascending(): boolean {
    return this.#ascending
  }

  /** Whether a delete was seen so far. */
  get deletes(): boolean {
    return this.#deletes
  }

  /** The batches, once. Ends the source when the reader stops early. */
  async *batches(): AsyncGenerator<RecordBatch, void, undefined> {
    const first = this.#first
    this.#first = undefined
    try {
      if (first !== undefined) yield this.#checked(first)
      for (;;) {
        const next = await this.#source.next()
        if (next.done === true) break
        yield this.#checked(next.value)
      }
    } finally {
      await this.#source.return?.()
    }
    if (this.#rows !== this.#unit.rows) {
      throw this.#malformed(`it has ${this.#rows} rows, and ${this.#unit.rows} were promised`)
    }
  }

  /** Ends a pass that was opened and not read. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  #checked(batch: RecordBatch): RecordBatch {
    const index = batch.schema.fields.findIndex((field) => field.name === SYNC_SEQ)
    const view = index === -1 ? undefined : columnView(batch, index)
    if (view?.kind !== 'int64') throw this.#malformed(`it has no column ${SYNC_SEQ} of 64-bit integers`)
    const { from, to } = this.#unit.sequence
    const { values } = view
    let last = this.#last
    for (let row = 0; row < view.length; row += 1) {
      const value = values[row]
      if (value === undefined || value < from || value > to || view.isNull(row)) {
        throw this.#malformed(`a ${SYNC_SEQ} is not within ${from} to ${to}`)
      }
      if (last !== undefined && value <= last) this.#ascending = false
      last = value
    }
    this.#last = last
    this.#deletes ||= hasDelete(batch)
    this.#rows += batch.numRows
    this.#onRows?.(batch.numRows)
    return batch
  }

  #malformed(what: string): ImportError {
    return new ImportError('malformed-unit', `a unit of the journal cannot be applied to ${this.#target}: ${what}`, {
      hint: 'Read the journal again; if this stays so, it was changed by somebody else.',
      context: { target: this.#target, from: String(this.#unit.sequence.from), to: String(this.#unit.sequence.to) },
    })
  }
}

/** Of the operations only `delete` begins with a d. */
function hasDelete(batch: RecordBatch): boolean {
  const index = batch.schema.fields.findIndex((field) => field.name === SYNC_OP)
  const view = index === -1 ? undefined : columnView(batch, index)
  if (view?.kind !== 'string') return false
  const { data, offsets } = view
  for (let row = 0; row < view.length; row += 1) {
    if (data[offsets[row] ?? 0] === 0x64 && !view.isNull(row)) return true
  }
  return false
}
