import type { MemoryPool } from '@icebridge/columnar'
import { BooleanEncoder } from './boolean-encoder.ts'
import { BytesEncoder } from './bytes-encoder.ts'
import type { PageCompressor } from './compression.ts'
import { LargeDecimalEncoder, SmallDecimalEncoder } from './decimal-encoder.ts'
import { DeltaChoice } from './delta-choice.ts'
import { FixedEncoder } from './fixed-encoder.ts'
import type { Leaf } from './parquet-schema.ts'
import { FloatEncoder, Int32Encoder, Int64Encoder } from './plain-encoder.ts'
import type { ValueEncoder } from './value-encoder.ts'

/** What of the options of a leaf an encoder goes by. */
interface EncoderOptions {
  readonly compressor: PageCompressor
  readonly memory: MemoryPool
  readonly dictionaryBytes: number
  readonly deltas: boolean
}

/** The encoder of a leaf's values. */
export function encoderOf(leaf: Leaf, options: EncoderOptions): ValueEncoder {
  const choice = options.deltas ? new DeltaChoice(options.compressor) : undefined
  if (typeof leaf.type !== 'string' && leaf.type.kind === 'decimal') {
    const { precision } = leaf.type
    const { column } = leaf
    if (leaf.physical === 'FIXED_LEN_BYTE_ARRAY')
      return new LargeDecimalEncoder({ column, precision, width: leaf.width })
    return new SmallDecimalEncoder({ column, precision, width: leaf.physical === 'INT32' ? 4 : 8 }, choice)
  }
  switch (leaf.physical) {
    case 'BOOLEAN':
      return new BooleanEncoder()
    case 'INT32':
      return new Int32Encoder(choice)
    case 'INT64':
      return new Int64Encoder(choice)
    case 'FLOAT':
      return new FloatEncoder(4)
    case 'DOUBLE':
      return new FloatEncoder(8)
    case 'FIXED_LEN_BYTE_ARRAY':
      return new FixedEncoder(leaf.width)
    case 'BYTE_ARRAY':
      return new BytesEncoder({
        dictionaryBytes: options.dictionaryBytes,
        isText: leaf.type === 'string',
        memory: options.memory,
      })
    case 'INT96':
      throw new TypeError('INT96 is read, never written')
  }
}
