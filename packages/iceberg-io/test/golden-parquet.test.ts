import { expect, test } from 'vitest'
import { goldens, readRows } from './golden-parquet.ts'

test.each(goldens())('reads every value of $name', async (file) => {
  expect(await readRows(file)).toEqual(file.rows)
})

test.each(goldens())('reads $name the same in batches of 7 rows, and column by column', async (file) => {
  expect(await readRows(file, { batchRows: 7 })).toEqual(file.rows)
  for (const [at, field] of file.fields.entries()) {
    expect(await readRows(file, { fields: [field], batchRows: 33 })).toEqual(file.rows.map((row) => [row[at]]))
  }
})
