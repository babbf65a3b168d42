import { type Data, makeData, Null } from 'apache-arrow'
import { MAX_ROWS } from './builder-base.ts'
import { ColumnarError } from './errors.ts'

/** Builds a column that holds nothing but nulls. */
export class NullBuilder {
  readonly kind = 'null' as const
  /** The column's name, for messages. */
  readonly name: string
  /** Nulls appended since the last `finish`. */
  length = 0
  readonly byteSize = 0

  constructor(name: string, _initialRows: number) {
    this.name = name
  }

  get nullCount(): number {
    return this.length
  }

  /** There is no other value. */
  append(_value: null): void {
    this.appendNull()
  }

  appendNull(): void {
    if (this.length === MAX_ROWS) {
      throw new ColumnarError('batch-too-large', `Column ${this.name} would pass ${MAX_ROWS} rows`, {
        context: { column: this.name },
        hint: 'Finish batches after fewer rows.',
      })
    }
    this.length++
  }

  isNull(row: number): boolean {
    return row < this.length
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    const made = makeData({ type: new Null(), length: this.length })
    this.length = 0
    return made
  }
}
