import { type Data, type DataType, type Field, List, makeData, Map_, Struct } from 'apache-arrow'
import { BuilderBase, doubled } from './builder-base.ts'
import type { ColumnBuilder } from './column-builder.ts'
import { ColumnarError } from './errors.ts'

/**
 * Builds a struct column. Append one value (or null) to every child, then `append()`; for a null struct only
 * `appendNull()`, which pads the children.
 */
export class StructBuilder extends BuilderBase {
  readonly kind = 'struct' as const
  readonly children: readonly ColumnBuilder[]
  readonly #fields: readonly Field[]

  constructor(name: string, initialRows: number, fields: readonly Field[], children: readonly ColumnBuilder[]) {
    super(name, initialRows)
    this.#fields = fields
    this.children = children
  }

  /** Closes one struct. @throws ColumnarError 'length-mismatch' unless every child got exactly one more value. */
  append(): void {
    for (const child of this.children) {
      if (child.length !== this.length + 1) {
        throw this.fault('length-mismatch', `the child ${child.name} holds ${child.length} values`)
      }
    }
    this.length++
  }

  appendNull(): void {
    for (const child of this.children) child.appendNull()
    this.capacity = Math.max(this.capacity, this.length + 1)
    this.markNull()
    this.length++
  }

  get byteSize(): number {
    return sizeOf(this.children)
  }

  /** The Arrow data; the builder starts again empty. @throws ColumnarError 'null-in-required' */
  finish(): Data {
    for (const [index, child] of this.children.entries()) {
      const required = this.#fields[index]?.nullable === false
      if (!required || child.nullCount === 0) continue
      for (let row = 0; row < this.length; row++) {
        if (child.isNull(row) && !this.isNull(row)) throw nullInRequired(`${this.name}.${child.name}`, row)
      }
    }
    const made = makeData({
      type: new Struct([...this.#fields]),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      children: this.children.map((child) => child.finish()),
    })
    this.reset()
    return made
  }
}

abstract class RepeatedBase extends BuilderBase {
  #offsets: Int32Array | undefined = undefined

  protected closeAt(end: number): void {
    const offsets = this.#room()
    this.length++
    offsets[this.length] = end
  }

  protected closeNull(end: number): void {
    this.#room()
    this.markNull()
    this.closeAt(end)
  }

  protected lastEnd(): number {
    return this.#offsets?.[this.length] ?? 0
  }

  protected takeOffsets(): Int32Array {
    const offsets = (this.#offsets ?? new Int32Array(1)).subarray(0, this.length + 1)
    this.#offsets = undefined
    return offsets
  }

  #room(): Int32Array {
    const offsets = this.#offsets
    if (offsets !== undefined && this.length + 1 < offsets.length) return offsets
    if (offsets !== undefined) this.capacity = doubled(this.capacity)
    const grown = new Int32Array(this.capacity + 1)
    if (offsets !== undefined) grown.set(offsets)
    this.#offsets = grown
    return grown
  }
}

/** Builds a list column. Append the elements to `element`, then `append()` closes the list (empty when there were none). */
export class ListBuilder extends RepeatedBase {
  readonly kind = 'list' as const
  readonly element: ColumnBuilder
  readonly #field: Field

  constructor(name: string, initialRows: number, field: Field, element: ColumnBuilder) {
    super(name, initialRows)
    this.#field = field
    this.element = element
  }

  append(): void {
    this.closeAt(this.element.length)
  }

  /** @throws ColumnarError 'length-mismatch' when elements were appended since the last list was closed. */
  appendNull(): void {
    if (this.element.length !== this.lastEnd()) throw this.fault('length-mismatch', 'a null list has no elements')
    this.closeNull(this.element.length)
  }

  get byteSize(): number {
    return this.length * 4 + this.element.byteSize
  }

  /** The Arrow data; the builder starts again empty. @throws ColumnarError 'null-in-required', 'length-mismatch' */
  finish(): Data {
    checkChild(this.name, this.element, this.#field.nullable, this.lastEnd())
    const made = makeData({
      type: new List(this.#field),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      valueOffsets: this.takeOffsets(),
      child: this.element.finish(),
    })
    this.reset()
    return made
  }
}

/** Builds a map column. Append to `key` and `value` in pairs, then `append()` closes the map. */
export class MapBuilder extends RepeatedBase {
  readonly kind = 'map' as const
  readonly key: ColumnBuilder
  readonly value: ColumnBuilder
  readonly #entries: Field<Struct<{ key: DataType; value: DataType }>>

  constructor(
    name: string,
    initialRows: number,
    entries: Field<Struct<{ key: DataType; value: DataType }>>,
    children: { readonly key: ColumnBuilder; readonly value: ColumnBuilder },
  ) {
    super(name, initialRows)
    this.#entries = entries
    this.key = children.key
    this.value = children.value
  }

  /** Closes one map. @throws ColumnarError 'length-mismatch' when keys and values are not in pairs. */
  append(): void {
    if (this.key.length !== this.value.length) throw this.fault('length-mismatch', 'keys and values are not in pairs')
    this.closeAt(this.key.length)
  }

  /** @throws ColumnarError 'length-mismatch' when entries were appended since the last map was closed. */
  appendNull(): void {
    if (this.key.length !== this.lastEnd()) throw this.fault('length-mismatch', 'a null map has no entries')
    this.closeNull(this.key.length)
  }

  get byteSize(): number {
    return this.length * 4 + this.key.byteSize + this.value.byteSize
  }

  /** The Arrow data; the builder starts again empty. @throws ColumnarError 'null-in-required', 'length-mismatch' */
  finish(): Data {
    const { type } = this.#entries
    checkChild(this.name, this.key, false, this.lastEnd())
    checkChild(this.name, this.value, type.children[1]?.nullable !== false, this.lastEnd())
    const length = this.key.length
    const entries = makeData({ type, length, nullCount: 0, children: [this.key.finish(), this.value.finish()] })
    const made = makeData({
      type: new Map_(this.#entries),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      valueOffsets: this.takeOffsets(),
      child: entries,
    })
    this.reset()
    return made
  }
}

/** The error for a null where the field allows none. */
export function nullInRequired(column: string, row: number): ColumnarError {
  return new ColumnarError(
    'null-in-required',
    `Column ${column} allows no nulls, and row ${row} of the batch is null`,
    {
      context: { column, row },
      hint: 'Declare the column nullable, or correct the rows at their source.',
    },
  )
}

function checkChild(parent: string, child: ColumnBuilder, nullable: boolean, end: number): void {
  if (child.length !== end) {
    throw new ColumnarError(
      'length-mismatch',
      `Column ${parent}: ${child.length - end} values of ${child.name} belong to no row`,
      {
        context: { column: parent },
      },
    )
  }
  if (nullable || child.nullCount === 0) return
  for (let row = 0; row < child.length; row++) {
    if (child.isNull(row)) throw nullInRequired(`${parent}.${child.name}`, row)
  }
}

function sizeOf(children: readonly ColumnBuilder[]): number {
  let size = 0
  for (const child of children) size += child.byteSize
  return size
}
