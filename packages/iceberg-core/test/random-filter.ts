import {
  and,
  eq,
  type Expression,
  gt,
  gteq,
  isIn,
  isNaN,
  isNull,
  lt,
  lteq,
  not,
  noteq,
  notIn,
  notNaN,
  notNull,
  notStartsWith,
  or,
  parseTransform,
  type PartitionSpec,
  startsWith,
  uuidFromBytes,
  type Value,
} from '@icebridge/iceberg-core'
import type { Random } from './random.ts'

/** One column of each kind that filters and transforms treat in their own way. */
export const mixed = {
  fields: [
    { id: 1, name: 'l', required: false, type: 'long' },
    { id: 2, name: 'i', required: false, type: 'int' },
    { id: 3, name: 's', required: false, type: 'string' },
    { id: 4, name: 't', required: false, type: 'timestamp' },
    { id: 5, name: 'd', required: false, type: { kind: 'decimal', precision: 20, scale: 2 } },
    { id: 6, name: 'f', required: false, type: 'double' },
    { id: 7, name: 'b', required: false, type: 'binary' },
    { id: 8, name: 'date', required: false, type: 'date' },
    { id: 9, name: 'ns', required: false, type: 'timestamptz_ns' },
    { id: 10, name: 'u', required: false, type: 'uuid' },
    { id: 11, name: 'x', required: false, type: { kind: 'fixed', length: 2 } },
    { id: 12, name: 'bool', required: false, type: 'boolean' },
    { id: 13, name: 'time', required: false, type: 'time' },
    { id: 14, name: 'real', required: false, type: 'float' },
  ],
} as const
const transforms: Readonly<Record<string, readonly string[]>> = {
  l: ['identity', 'bucket[4]', 'truncate[10]'],
  i: ['identity', 'bucket[4]', 'truncate[7]'],
  s: ['identity', 'bucket[4]', 'truncate[2]'],
  t: ['identity', 'year', 'month', 'day', 'hour', 'bucket[3]'],
  d: ['identity', 'truncate[50]', 'bucket[5]'],
  f: ['identity'],
  b: ['identity', 'truncate[1]', 'bucket[2]'],
  date: ['identity', 'year', 'month', 'day', 'bucket[3]'],
  ns: ['identity', 'year', 'month', 'day', 'hour', 'bucket[3]'],
  u: ['identity', 'bucket[3]'],
  x: ['identity', 'bucket[3]'],
  bool: ['identity', 'void'],
  time: ['identity', 'bucket[3]'],
  real: ['identity'],
}

/** A value of a column, often one of those where arithmetic goes wrong. */
export function randomValue(random: Random, name: string): Value | null {
  if (random.below(8) === 0) return null
  switch (name) {
    case 'l':
      return random.pick([random.signed(64), BigInt(random.below(40) - 20), -(2n ** 63n), 2n ** 63n - 1n])
    case 'i':
      return random.pick([Number(random.signed(32)), random.below(40) - 20, -2147483648, 2147483647])
    case 's':
      return random.text(3)
    case 't':
      return random.pick([random.signed(58), BigInt(random.below(10) - 5) * 3_600_000_000n, -1n, 0n])
    case 'd':
      return random.signed(40)
    case 'date':
      return random.pick([random.below(40) - 20, random.below(1000) - 500, -719162, 2932896])
    case 'ns':
      return random.pick([random.signed(63), BigInt(random.below(10) - 5) * 3_600_000_000_000n, -1n, 0n])
    case 'u':
      return uuidFromBytes(Uint8Array.from({ length: 16 }, () => random.pick([0, 1, 127, 128, 255])))
    case 'x':
      return Uint8Array.of(random.below(256), random.below(4))
    case 'bool':
      return random.below(2) === 0
    case 'time':
      return random.pick([0n, 86_399_999_999n, BigInt(random.below(1000))])
    case 'real':
      return Math.fround(random.pick([random.next() - 0.5, 0, -0, Number.NaN, 1e38, Number.NEGATIVE_INFINITY]))
    case 'f':
      return random.pick([random.next() - 0.5, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    default:
      return random.bytes(3)
  }
}

/** A spec over some of the columns. */
export function randomSpec(random: Random): PartitionSpec {
  const columns = mixed.fields.filter(() => random.below(2) === 0)
  return {
    specId: 0,
    fields: columns.map((column, at) => {
      const transform = parseTransform(random.pick(transforms[column.name]!))
      return {
        sourceIds: [column.id],
        fieldId: 1000 + at,
        name: transform.kind === 'identity' ? column.name : `${column.name}_p`,
        transform,
      }
    }),
  }
}

export function randomRow(random: Random): Record<string, Value | null> {
  return Object.fromEntries(mixed.fields.map((field) => [field.name, randomValue(random, field.name)]))
}

/** A filter of up to some depth; its literals are never null or NaN. */
export function randomFilter(random: Random, depth = 0): Expression {
  if (depth < 3 && random.below(3) === 0) {
    const [left, right] = [randomFilter(random, depth + 1), randomFilter(random, depth + 1)]
    return random.pick([and(left, right), or(left, right), not(left)])
  }
  const { name } = random.pick(mixed.fields)
  const literal = (): Value => {
    for (;;) {
      const candidate = randomValue(random, name)
      if (candidate !== null && !Number.isNaN(candidate)) return candidate
    }
  }
  const prefix = random.text(3)
  return random.pick<Expression>([
    lt(name, literal()),
    lteq(name, literal()),
    gt(name, literal()),
    gteq(name, literal()),
    eq(name, literal()),
    noteq(name, literal()),
    isIn(name, [literal(), literal()]),
    notIn(name, [literal(), literal()]),
    isIn(name, Array.from({ length: 20 }, literal)),
    notIn(name, Array.from({ length: 20 }, literal)),
    isNull(name),
    notNull(name),
    isNaN(name),
    notNaN(name),
    startsWith('s', prefix),
    notStartsWith('s', prefix),
  ])
}
