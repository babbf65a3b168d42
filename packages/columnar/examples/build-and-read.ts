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

// Unscaled values, exact: 12345678901234567890123456780000000001, then null.
for (let row = 0; row < prices.length; row++) console.log(prices.isNull(row) ? null : prices.value(row))
