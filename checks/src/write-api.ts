import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { apiListings } from './api-listing.ts'

// Writes etc/<package>.api.md for every publishable package.
for (const { path, text, forgotten } of await apiListings()) {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  for (const name of forgotten) console.warn(`not exported, but part of an exported signature: ${name}`)
}
