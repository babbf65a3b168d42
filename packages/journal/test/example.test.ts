import { expect, test } from 'vitest'
import { journalExample } from '../examples/journal.ts'
import { column, definition, testLake } from './support.ts'

test('the example of the README reads back the row that it wrote', async () => {
  const table = definition([column(1, 'id', { name: 'int' }), column(2, 'note', { name: 'nvarchar', length: 'max' })])
  expect(await journalExample(testLake(), table)).toBe(1)
})
