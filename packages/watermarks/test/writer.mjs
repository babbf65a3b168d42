// Writes records `<prefix>-0 ...` and prints each name once its write has returned.
import { FileWatermarkStore } from '@icebridge/watermarks'
import { sampleRecord } from '@icebridge/watermarks/testing'

const [path, prefix, count] = process.argv.slice(2)
const store = await FileWatermarkStore.open(path, { lockTimeoutMs: 30_000 })
for (let index = 0; index < Number(count); index++) {
  await store.write(sampleRecord(`${prefix}-${index}`))
  process.stdout.write(`${prefix}-${index}\n`)
}
