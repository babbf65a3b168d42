import { expect, test } from 'vitest'
import { countTests } from '../src/test-counts.ts'

test('adds up the summaries of several runs, with colours and prefixes', () => {
  const log = [
    '@icebridge/journal:test:  Test Files  2 passed (2)',
    '@icebridge/journal:test:       Tests  40 passed (40)',
    '\u001B[2m Test Files \u001B[22m \u001B[1m\u001B[31m1 failed\u001B[39m\u001B[22m | \u001B[32m1 passed\u001B[39m (2)',
    '\u001B[2m      Tests \u001B[22m \u001B[1m\u001B[31m1 failed\u001B[39m\u001B[22m | \u001B[1m\u001B[32m32 passed\u001B[39m\u001B[22m | 3 skipped\u001B[90m (36)\u001B[39m',
  ].join('\n')
  expect(countTests(log)).toEqual({ runs: 2, passed: 72, failed: 1, skipped: 3 })
})

test('counts a test file that failed before its first test', () => {
  const log = ' Test Files  2 failed (2)\n      Tests  no tests\n Test Files  1 passed (1)\n      Tests  5 passed (5)\n'
  expect(countTests(log)).toEqual({ runs: 2, passed: 5, failed: 2, skipped: 0 })
})

test('finds no run in a log without summaries', () => {
  expect(countTests('Tests were not run\n').runs).toBe(0)
})
