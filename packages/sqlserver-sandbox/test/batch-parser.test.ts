import { expect, test } from 'vitest'
import { BatchParser } from '../src/tsql/batch-parser.ts'

const quoted = { quotedIdentifiers: true }

test('a batch is parsed once while it is among the last', () => {
  const parser = new BatchParser(2)
  const first = parser.parse('SELECT 1', quoted)
  parser.parse('SELECT 2', quoted)
  expect(parser.parse('SELECT 1', quoted)).toBe(first)
  const second = parser.parse('SELECT 2', quoted)
  parser.parse('SELECT 3', quoted)
  expect(parser.parse('SELECT 2', quoted)).toBe(second)
  expect(parser.parse('SELECT 1', quoted)).not.toBe(first)
  expect(parser.parse('SELECT 1', quoted)).toEqual(first)
})

test('the same text means something else with other quotes', () => {
  const parser = new BatchParser()
  const text = 'SELECT "a"'
  expect(parser.parse(text, quoted)).not.toEqual(parser.parse(text, { quotedIdentifiers: false }))
})

test('a batch that cannot be parsed is refused each time, and a long one is not kept', () => {
  const parser = new BatchParser()
  for (let n = 0; n < 2; n += 1) expect(() => parser.parse('SELECT FROM', quoted)).toThrow(/FROM/)
  const long = `SELECT '${'x'.repeat(9000)}'`
  expect(parser.parse(long, quoted)).not.toBe(parser.parse(long, quoted))
})
