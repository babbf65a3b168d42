import { checkLayout, encodeName, layoutFor } from '@icebridge/journal'
import { expect, test } from 'vitest'

const orders = { schema: 'dbo', name: 'orders' }

test('a table has one namespace level of source and schema, and a journal beside its mirror', () => {
  expect(layoutFor({ source: 'erp', table: orders })).toMatchObject({
    namespace: ['erp_dbo'],
    journalName: 'orders__changes',
    mirrorName: 'orders',
  })
})

test('a template makes several levels', () => {
  const layout = layoutFor({
    source: 'erp',
    database: 'Sales',
    table: orders,
    template: 'lake/{source}/{database}_{schema}',
  })
  expect(layout.namespace).toEqual(['lake', 'erp', 'Sales_dbo'])
  expect(checkLayout([layout])).toEqual([])
})

test('characters outside letters, digits, underscore and hyphen are percent-encoded, and different names stay different', () => {
  expect(encodeName('Order Details')).toBe('Order%20Details')
  expect(encodeName('a.b')).toBe('a%2Eb')
  expect(encodeName('Größe-1_x')).toBe('Gr%C3%B6%C3%9Fe-1_x')
  expect(encodeName('😀')).toBe('%F0%9F%98%80')
  expect(encodeName('100%')).toBe('100%25')
  expect(encodeName('a\uD800')).toBe('a%uD800')
  expect(encodeName("it's]")).toBe('it%27s%5D')
})

test('a dot in a source, schema or table name never makes a level: it is encoded', () => {
  const layouts = [
    layoutFor({ source: 'erp.prod', table: orders }),
    layoutFor({ source: 'erp', table: { schema: 'a.b', name: 'items' } }),
    layoutFor({ source: 'erp', table: { schema: 'dbo', name: 'with.dot' } }),
  ]
  expect(checkLayout(layouts)).toEqual([])
  expect(layouts.map(({ namespace, journalName }) => [...namespace, journalName])).toEqual([
    ['erp%2Eprod_dbo', 'orders__changes'],
    ['erp_a%2Eb', 'items__changes'],
    ['erp_dbo', 'with%2Edot__changes'],
  ])
})

test('names that differ only in case, or not at all, are a problem', () => {
  const problems = checkLayout([
    layoutFor({ source: 'erp', table: orders }),
    layoutFor({ source: 'erp', table: { schema: 'dbo', name: 'Orders' } }),
    layoutFor({ source: 'ERP', table: orders, template: 'erp_{schema}' }),
    layoutFor({ source: 'crm', table: orders }),
  ])
  expect(problems.map(({ code }) => code)).toEqual(['name-collision', 'name-collision'])
  expect(problems[0]?.message).toContain('differ only in case')
  expect(problems[1]?.message).toContain('the same place')
})

test('a source table that is called like a journal is a problem', () => {
  const [problem] = checkLayout([layoutFor({ source: 'erp', table: { schema: 'dbo', name: 'orders__CHANGES' } })])
  expect(problem).toMatchObject({ code: 'journal-name', table: 'dbo.orders__CHANGES' })
})

test('an unknown placeholder and an empty level are problems', () => {
  const codes = (template: string): string[] =>
    checkLayout([layoutFor({ source: 'erp', table: orders, template })]).map(({ code }) => code)
  expect(codes('{source}_{server}')).toEqual(['unknown-placeholder'])
  expect(codes('lake//{schema}')).toEqual(['empty-name'])
})
