import type { Bench } from './figure.ts'
import { apply } from './benches/apply.ts'
import { chunks } from './benches/chunks.ts'
import { encode } from './benches/encode.ts'
import { extract } from './benches/extract.ts'
import { iceberg } from './benches/iceberg.ts'
import { parquet } from './benches/parquet.ts'

const benches: Readonly<Record<string, Bench>> = { apply, chunks, encode, extract, iceberg, parquet }

const names = process.argv.slice(2)
const unknown = names.filter((name) => benches[name] === undefined)
if (names.length === 0 || unknown.length > 0) {
  process.stderr.write(
    `${unknown.length > 0 ? `No bench is called ${unknown.join(', ')}. ` : ''}Benches: ${Object.keys(benches).join(', ')}\n`,
  )
  process.exit(64)
}
for (const name of names) {
  const figures = benches[name]?.({ say: (text) => void process.stderr.write(`${text}\n`) }) ?? []
  for await (const figure of figures) {
    process.stdout.write(`${JSON.stringify(figure)}\n`)
    if (figure.ceilingHeld === false) process.exitCode = 1
  }
}
