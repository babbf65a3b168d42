import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js'
import { serializeTCompactProtocol } from 'hyparquet-writer/src/thrift.js'
import { expect, it } from 'vitest'
import { ThriftWriter } from '../src/write/thrift-writer.ts'

/** As hyparquet-writer has it. */
function byLibrary(fields: Parameters<typeof serializeTCompactProtocol>[1]): Uint8Array {
  const writer = new ByteWriter()
  serializeTCompactProtocol(writer, fields)
  return writer.getBytes()
}

const numbers = [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 30, 2 ** 31 - 1]
const large = [...numbers, 2 ** 32, 2 ** 45 + 12_345, Number.MAX_SAFE_INTEGER]

it.each(numbers)('writes %i in 32 bits as the library does', (value) => {
  expect(new ThriftWriter().int(1, value).int(3, value).take()).toEqual(byLibrary({ field_1: value, field_3: value }))
})

it.each(large)('writes %i in 64 bits as the library does', (value) => {
  expect(new ThriftWriter().long(2, value).take()).toEqual(byLibrary({ field_2: BigInt(value) }))
})

it.each([0, 1, 14, 15, 16, 200])('writes lists of %i as the library does', (length) => {
  const values = Array.from({ length }, (_, at) => large[at % large.length] ?? 0)
  const binaries = values.map((value) => Buffer.from(`value ${value}`.repeat(value % 20)))
  const ints = values.map((value) => value % 2 ** 31)
  const structs = ints.map((value) => new ThriftWriter().int(2, value).take())
  const written = new ThriftWriter()
    .longs(1, values)
    .binaries(2, binaries)
    .ints(3, ints)
    .serialized(4, structs)
    .structs(5, values, (writer, value) => writer.long(1, value).struct(2, (inner) => inner.int(3, 7)))
    .take()
  const expected = byLibrary({
    field_1: values.map(BigInt),
    field_2: binaries,
    field_3: ints,
    field_4: ints.map((value) => ({ field_2: value })),
    field_5: values.map((value) => ({ field_1: BigInt(value), field_2: { field_3: 7 } })),
  })
  // The library says nothing of what an empty list would be of.
  if (length > 0) expect(written).toEqual(expected)
  expect(written).toHaveLength(expected.length)
})

it('writes text and bytes as the library does, and leaves out what is undefined', () => {
  const written = new ThriftWriter()
    .int(1, undefined)
    .text(2, 'Łódź')
    .long(3, undefined)
    .binary(4, Buffer.alloc(200, 7))
    .binary(5, undefined)
    .binary(6, Buffer.alloc(0))
    .take()
  expect(written).toEqual(byLibrary({ field_2: 'Łódź', field_4: Buffer.alloc(200, 7), field_6: Buffer.alloc(0) }))
})

it('writes the booleans of a list as the protocol has them', () => {
  // Field 1, a list; three booleans: true is 1, false is 2.
  expect(new ThriftWriter().booleans(1, [true, false, true]).take()).toEqual(Uint8Array.of(0x19, 0x32, 1, 2, 1, 0))
})

it('begins anew after each struct, and goes on with the outer one after an inner one', () => {
  const writer = new ThriftWriter()
  for (let time = 0; time < 2; time += 1) {
    const struct = writer
      .int(1, 1)
      .struct(4, (inner) => inner.int(9, 2))
      .int(5, 3)
      .take()
    expect(struct).toEqual(byLibrary({ field_1: 1, field_4: { field_9: 2 }, field_5: 3 }))
  }
})
