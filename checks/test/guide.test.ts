import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'

const guide = readFileSync(join(root, 'docs/iceberg.md'), 'utf8')
const program = join(root, 'checks/examples/iceberg-tables.ts')
const text = readFileSync(program, 'utf8')
const catalogs = readFileSync(join(root, 'checks/examples/iceberg-catalogs.ts'), 'utf8').replaceAll('export ', '')

test("the guide's blocks are the program, in its order", () => {
  const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block)
  expect(blocks.length).toBeGreaterThan(8)
  let from = 0
  for (const block of blocks) {
    const at = text.indexOf(block, from)
    expect({ block, isThere: at >= 0 }).toEqual({ block, isThere: true })
    from = at + block.length
  }
})

test("the guide's catalogs that need a server are those that are compiled", () => {
  const blocks = [...guide.matchAll(/^```typescript\n(.*?)^```$/gms)].map(([, block = '']) => block)
  expect(blocks).toHaveLength(3)
  for (const block of blocks) expect(catalogs).toContain(block)
})

test("the guide's program prints what its comments say", async () => {
  const promised = [...text.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map(([, line]) => line)
  expect(promised).toHaveLength(text.split('console.log(').length - 1)
  expect((await output(process.execPath, [program])).trimEnd().split('\n')).toEqual(promised)
}, 30_000)
