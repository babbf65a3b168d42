import { compareValues } from '../value/compare.ts'
import { singleValueToBytes } from '../value/single-value.ts'
import type { PartitionValue, Value } from '../value/value.ts'
import type { FieldSummary } from './manifest-file.ts'
import type { PartitionFieldType } from './partition-type.ts'

/** Gathers the summary of one partition field over the files of a manifest. */
export class PartitionSummary {
  readonly #type: PartitionFieldType
  #containsNull = false
  #containsNaN = false
  #lower: Value | undefined
  #upper: Value | undefined

  constructor(type: PartitionFieldType) {
    this.#type = type
  }

  add(value: PartitionValue): void {
    if (value === null) this.#containsNull = true
    else if (typeof value === 'number' && Number.isNaN(value)) this.#containsNaN = true
    else if (this.#type !== undefined) {
      if (this.#lower === undefined || compareValues(this.#type, value, this.#lower) < 0) this.#lower = value
      if (this.#upper === undefined || compareValues(this.#type, value, this.#upper) > 0) this.#upper = value
    }
  }

  result(): FieldSummary {
    const type = this.#type
    return {
      containsNull: this.#containsNull,
      containsNaN: this.#containsNaN,
      ...(type === undefined || this.#lower === undefined ? {} : { lowerBound: singleValueToBytes(type, this.#lower) }),
      ...(type === undefined || this.#upper === undefined ? {} : { upperBound: singleValueToBytes(type, this.#upper) }),
    }
  }
}
