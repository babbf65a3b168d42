import { expect, test } from 'vitest'
import { matches, parseTablePattern, type TablePattern } from '../src/config/table-pattern.ts'
import { parseSelector } from '../src/config/table-selector.ts'
import { targetName } from '../src/table-sync.ts'

function pattern(text: string): TablePattern {
  const parsed = parseTablePattern(text)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

test('a name without wildcards is exact and keeps its case', () => {
  expect(pattern('dbo.Orders').exact).toEqual({ schema: 'dbo', name: 'Orders' })
  expect(pattern('[my schema].[a.b]]c*]').exact).toEqual({ schema: 'my schema', name: 'a.b]c*' })
  expect(pattern('dbo.Bestellungen_Ä').exact).toEqual({ schema: 'dbo', name: 'Bestellungen_Ä' })
})

test('wildcards stand for characters within one part', () => {
  const orders = pattern('dbo.order?_*')
  expect(orders.exact).toBeUndefined()
  expect(matches(orders, { schema: 'DBO', name: 'Orders_2026' })).toBe(true)
  expect(matches(orders, { schema: 'dbo', name: 'order_2026' })).toBe(false)
  expect(matches(pattern('*.*'), { schema: 'odd.schema', name: 'line\nbreak' })).toBe(true)
  expect(matches(pattern('dbo.?'), { schema: 'dbo', name: '🚀' })).toBe(true)
})

test('characters of regular expressions mean themselves', () => {
  expect(matches(pattern('dbo.a+b(c)*'), { schema: 'dbo', name: 'a+b(c)d' })).toBe(true)
  expect(matches(pattern('dbo.a+b(c)*'), { schema: 'dbo', name: 'aab(c)' })).toBe(false)
  expect(matches(pattern('[dbo].[a*]'), { schema: 'dbo', name: 'ab' })).toBe(false)
  expect(matches(pattern('[dbo].[a*]'), { schema: 'dbo', name: 'a*' })).toBe(true)
})

test.each([
  ['orders', /got 1 part/],
  ['a.b.c', /got 3 parts; put names that contain a dot in brackets/],
  ['dbo.', /empty/],
  ['.orders', /empty/],
  ['', /empty/],
  ['dbo.[orders', /no matching \]/],
  ['[dbo]x.orders', /text follows/],
  ['[].orders', /no matching \]/],
])('refuses %j', (text, message) => {
  expect(parseTablePattern(text)).toMatch(message)
})

test('a selector may begin with the name of a source', () => {
  expect(parseSelector('erp.dbo.orders')).toMatchObject({ source: 'erp', pattern: { exact: { schema: 'dbo' } } })
  expect(parseSelector('erp.[odd.schema].[x]]y]')).toMatchObject({
    source: 'erp',
    pattern: { exact: { schema: 'odd.schema', name: 'x]y' } },
  })
  expect(parseSelector('dbo.*')).toMatchObject({ source: undefined, pattern: { exact: undefined } })
  expect(parseSelector('a.b.c.d')).toMatch(/got 4 parts/)
})

test('a target name is filled in part by part, whatever the source names hold', () => {
  const table = { schema: 'a.b', name: 'x]y {schema}' }
  expect(targetName('stage.{schema}_{table}', table)).toEqual({ schema: 'stage', name: 'a.b_x]y {schema}' })
  expect(targetName('[{schema}].[{table}]', table)).toEqual(table)
  expect(() => targetName('dbo.*', table)).toThrow(/wildcards/)
})
