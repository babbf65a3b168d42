import { expect, it } from 'vitest'
import { example } from '../examples/append-and-scan.ts'

it("runs the README's example", async () => {
  expect(await example()).toEqual(['/b.parquet'])
})
