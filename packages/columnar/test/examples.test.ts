import { expect, it } from 'vitest'
import { unscaled } from '../examples/build-and-read.ts'

it('runs the example of the README', () => {
  expect(unscaled).toEqual([12345678901234567890123456780000000001n, null])
})
