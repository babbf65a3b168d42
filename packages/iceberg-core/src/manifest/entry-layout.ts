import { AvroCompiler, type Decode, fieldIdOf, type FieldNames, forEachItem, type Skip } from '../avro/avro-decoder.ts'
import type { AvroField, AvroType } from '../avro/avro-schema-types.ts'
import { type Cursor, damaged } from '../avro/cursor.ts'
import type { IcebergError } from '../errors.ts'
import type { JsonValue } from '../json/json-value.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { PartitionValue } from '../value/value.ts'
import { entryField, entryNames, mapIds } from './manifest-avro.ts'
import type { PartitionFieldType } from './partition-type.ts'
import { partitionValueFromAvro } from './partition-value-avro.ts'

/** Decodes a metrics map; of the columns in `only` when it is given. */
export type DecodeMetrics<T> = (
  cursor: Cursor,
  only: ReadonlySet<number> | undefined,
) => ReadonlyMap<number, T> | undefined

/** A field of an entry: where its offset is noted, and how it is decoded. */
export interface EntryFieldLayout<D> {
  readonly slot: number
  readonly decode: D
}

/** Moves over a field of an entry, and notes where it begins when somebody may ask for it. */
export interface EntryStep {
  /** Place among the noted offsets; -1 for a field that nobody asks for. */
  readonly slot: number
  readonly skip: Skip
}

/**
 * How the entries of one manifest lie in its file: what their Avro schema says, by field ids or, without them, by names.
 * Fields of versions to come are passed over.
 */
export interface EntryLayout {
  /** Everything in the order of the file, the fields of `data_file` in place of it. */
  readonly steps: readonly EntryStep[]
  readonly slots: number
  /** Each by field id. */
  readonly fields: ReadonlyMap<number, EntryFieldLayout<Decode>>
  readonly counts: ReadonlyMap<number, EntryFieldLayout<DecodeMetrics<bigint>>>
  readonly bounds: ReadonlyMap<number, EntryFieldLayout<DecodeMetrics<Uint8Array>>>
  readonly partition: EntryFieldLayout<(cursor: Cursor) => readonly PartitionValue[]> | undefined
}

/** @throws IcebergError `malformed-manifest` when the schema is not one of manifest entries. */
export function entryLayout(
  schema: JsonValue,
  table: { readonly spec: PartitionSpec; readonly types: readonly PartitionFieldType[] },
): EntryLayout {
  return new LayoutBuilder(schema, entryNames(table.spec)).build(table.spec, table.types)
}

class LayoutBuilder {
  readonly #compiler: AvroCompiler
  readonly #schema: JsonValue
  readonly #names: FieldNames
  readonly #steps: EntryStep[] = []
  readonly #fields = new Map<number, EntryFieldLayout<Decode>>()
  readonly #counts = new Map<number, EntryFieldLayout<DecodeMetrics<bigint>>>()
  readonly #bounds = new Map<number, EntryFieldLayout<DecodeMetrics<Uint8Array>>>()
  #partition: EntryLayout['partition']
  #slots = 0

  constructor(schema: JsonValue, names: FieldNames) {
    this.#compiler = new AvroCompiler(schema)
    this.#schema = schema
    this.#names = names
  }

  build(spec: PartitionSpec, types: readonly PartitionFieldType[]): EntryLayout {
    const root = this.#compiler.types.resolve(this.#schema)
    if (root.kind !== 'record') throw damaged('the Avro schema is not a record')
    root.fields.forEach((field, index) => {
      const id = fieldIdOf(field, this.#names, index)
      if (id === entryField.dataFile) this.#addDataFile(field, spec, types)
      else this.#addField(id, field)
    })
    return {
      steps: this.#steps,
      slots: this.#slots,
      fields: this.#fields,
      counts: this.#counts,
      bounds: this.#bounds,
      partition: this.#partition,
    }
  }

  #addField(id: number, { type }: AvroField): void {
    const slot = this.#step(type)
    this.#fields.set(id, { slot, decode: this.#compiler.decoder(type) })
  }

  #addDataFile(file: AvroField, spec: PartitionSpec, types: readonly PartitionFieldType[]): void {
    const names = this.#names['data_file']?.children ?? {}
    const record = this.#recordIn(file.type, (skip) => this.#steps.push({ slot: -1, skip }))
    record.fields.forEach((field, index) => {
      const id = fieldIdOf(field, names, index)
      if (id === entryField.partition) {
        const slot = this.#step(field.type)
        this.#partition = {
          slot,
          decode: this.#partitionDecoder(field, names['partition']?.children ?? {}, { spec, types }),
        }
      } else if (boundIds.has(id)) {
        this.#bounds.set(id, { slot: this.#step(field.type), decode: this.#metricsDecoder(field.type, id, toBytes) })
      } else if (mapIds.has(id)) {
        this.#counts.set(id, { slot: this.#step(field.type), decode: this.#metricsDecoder(field.type, id, toCount) })
      } else this.#addField(id, field)
    })
  }

  #step(type: JsonValue): number {
    const slot = this.#slots++
    this.#steps.push({ slot, skip: this.#compiler.skipper(type) })
    return slot
  }

  /** The record that a type is, or that its union holds besides null: `before` moves to the record then. */
  #recordIn(type: JsonValue, before: (skip: Skip) => void): Extract<AvroType, { readonly kind: 'record' }> {
    const resolved = this.#compiler.types.resolve(type)
    if (resolved.kind === 'record') return resolved
    const branches =
      resolved.kind === 'union' ? resolved.branches.map((branch) => this.#compiler.types.resolve(branch)) : []
    const at = branches.findIndex(({ kind }) => kind === 'record')
    const record = branches[at]
    if (record?.kind !== 'record') throw damaged('a record is missing from the Avro schema of the entries')
    before((cursor) => {
      if (cursor.int() !== at) throw damaged('a record that is required is null')
    })
    return record
  }

  /**
   * Reads partition tuples in the order of the spec: by field id or name where the file's record has them all, else by
   * position, as version 1 files may carry other ids.
   */
  #partitionDecoder(
    field: AvroField,
    names: FieldNames,
    { spec, types }: { readonly spec: PartitionSpec; readonly types: readonly PartitionFieldType[] },
  ): (cursor: Cursor) => readonly PartitionValue[] {
    let enter: Skip = () => undefined
    const record = this.#recordIn(field.type, (skip) => (enter = skip))
    const ids = record.fields.map((part, index) => fieldIdOf(part, names, index))
    const matched = spec.fields.every(({ fieldId }) => ids.includes(fieldId))
    // Of each of the file's fields: its place in the spec, or -1.
    const steps = record.fields.map(({ type }, index) => {
      const place = matched
        ? spec.fields.findIndex(({ fieldId }) => fieldId === ids[index])
        : index < spec.fields.length
          ? index
          : -1
      return { place, type: types[place], decode: this.#compiler.decoder(type) }
    })
    const width = spec.fields.length
    return (cursor) => {
      enter(cursor)
      const values: PartitionValue[] = Array.from<PartitionValue>({ length: width }).fill(null)
      for (const { place, type, decode } of steps) {
        const value = decode(cursor)
        if (place !== -1) values[place] = partitionValueFromAvro(type, value)
      }
      return values
    }
  }

  #metricsDecoder<T>(type: JsonValue, id: number, to: (value: unknown) => T | undefined): DecodeMetrics<T> {
    const resolved = this.#compiler.types.resolve(type)
    if (resolved.kind !== 'union') {
      const decode = this.#pairsDecoder(resolved, id, to)
      if (decode === undefined) throw notAMap(id)
      return decode
    }
    const branches = resolved.branches.map((branch): DecodeMetrics<T> => {
      const decode = this.#pairsDecoder(this.#compiler.types.resolve(branch), id, to)
      if (decode !== undefined) return decode
      const skip = this.#compiler.skipper(branch)
      return (cursor) => {
        skip(cursor)
        return undefined
      }
    })
    return (cursor, only) => {
      const branch = branches[cursor.int()]
      if (branch === undefined) throw damaged('a union has no such branch')
      return branch(cursor, only)
    }
  }

  /** A map with keys that are no text is an array of records with a key and a value. */
  #pairsDecoder<T>(type: AvroType, id: number, to: (value: unknown) => T | undefined): DecodeMetrics<T> | undefined {
    if (type.kind !== 'array') return undefined
    const item = this.#compiler.types.resolve(type.items)
    if (item.kind !== 'record') return undefined
    const [keyId, valueId] = mapIds.get(id) ?? []
    const steps = item.fields.map((field) => ({
      isKey: field.id === keyId || (field.id === undefined && field.name === 'key'),
      isValue: field.id === valueId || (field.id === undefined && field.name === 'value'),
      skip: this.#compiler.skipper(field.type),
      decode: this.#compiler.decoder(field.type),
    }))
    const keyFirst = steps.findIndex(({ isKey }) => isKey) < steps.findIndex(({ isValue }) => isValue)
    if (!keyFirst || !steps.some(({ isKey }) => isKey)) return undefined
    return (cursor, only) => {
      const map = new Map<number, T>()
      forEachItem(cursor, () => {
        let key: unknown
        for (const { isKey, isValue, skip, decode } of steps) {
          if (isKey) key = decode(cursor)
          else if (!isValue || (only !== undefined && typeof key === 'number' && !only.has(key))) skip(cursor)
          else {
            const value = to(decode(cursor))
            if (typeof key !== 'number' || value === undefined) throw notAMap(id)
            map.set(key, value)
          }
        }
      })
      return map
    }
  }
}

const boundIds: ReadonlySet<number> = new Set([entryField.lowerBounds, entryField.upperBounds])

/** An int where a long is due is no harm. */
function toCount(value: unknown): bigint | undefined {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  return typeof value === 'bigint' ? value : undefined
}

function toBytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

function notAMap(id: number): IcebergError {
  return damaged(`field ${id} is not a map from column ids`)
}
