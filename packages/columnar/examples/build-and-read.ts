import { BatchBuilder, columnView } from '@icebridge/columnar'

const builder = new BatchBuilder([
  { name: 'id', type: { kind: 'int64' }, nullable: false },
  { name: 'price', type: { kind: 'decimal', precision: 38, scale: 10 }, nullable: true },
  { name: 'name', type: { kind: 'string' }, nullable: true },
])
const [id, price, name] = builder.columns
if (id?.kind !== 'int64' || price?.kind !== 'decimal' || name?.kind !== 'string') throw new Error('unexpected columns')

id.append(9_007_199_254_740_993n)
price.appendText('1234567890123456789012345678.0000000001')
name.append('ice 🧊')

id.appendNumber(2)
price.appendNull()
name.appendNull()

const batch = builder.finish()
const prices = columnView(batch, 1)
if (prices.kind !== 'decimal') throw new Error('unexpected column')

/** The unscaled values of the price column, exact; null where there is none. */
export const unscaled: (bigint | null)[] = []
for (let row = 0; row < prices.length; row++) unscaled.push(prices.isNull(row) ? null : prices.value(row))
