import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { apiListings } from '../src/api-listing.ts'

const listings = await apiListings()

test('every package that can be imported is listed', () => {
  expect(listings.map(({ shortName }) => shortName)).toEqual(
    expect.arrayContaining(['columnar', 'iceberg-core', 'iceberg-io', 'sync']),
  )
  expect(listings.length).toBeGreaterThan(10)
})

test.each(listings)('etc/$shortName.api.md lists what is exported; `npm run api` writes it anew', ({ path, text }) => {
  expect(text).toContain('export ')
  expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(text)
})

test.each(listings)('$shortName exports every type that its signatures mention', ({ forgotten }) => {
  expect(forgotten).toEqual([])
})
