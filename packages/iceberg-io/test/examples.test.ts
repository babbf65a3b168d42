import { expect, it } from 'vitest'
import { ids } from '../examples/append-and-read.ts'

it('runs the example of the README', () => {
  expect(ids).toEqual([9_007_199_254_740_993n])
})
