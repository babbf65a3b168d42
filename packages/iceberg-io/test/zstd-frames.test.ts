import { randomBytes } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { ZstdFrames } from '../src/write/zstd-frames.ts'

/** Half of it cannot be compressed. */
function page(bytes: number, at: number): Buffer {
  return Buffer.concat([randomBytes(bytes >> 1), Buffer.alloc(bytes - (bytes >> 1), `page ${at} `)])
}

it('gives each of many pages at a time its own frame, whatever they are', async () => {
  const frames = new ZstdFrames(1)
  // More than fit into the memory of a stream's output, one of them by itself.
  const pages = [0, 1, 700_000, 1_000_000, 5_000_000, 300_000, 1_048_576, 1_048_576, 900_000, 12].map(page)
  for (let round = 0; round < 3; round += 1) {
    const compressed = await Promise.all(pages.map((bytes) => frames.compress(bytes)))
    for (const [at, parts] of compressed.entries()) {
      expect(zstdDecompressSync(Buffer.concat(parts)).equals(pages[at] ?? Buffer.of())).toBe(true)
    }
    frames.release()
  }
})

it('frees the memory of frames that were given back, and of no others', async () => {
  const frames = new ZstdFrames(1)
  const kept = page(600_000, 0)
  const early = await frames.compress(kept)
  const given: Uint8Array[] = []
  // Several times the memory of a stream's output.
  for (let at = 0; at < 100; at += 1) {
    const parts = await frames.compress(page(600_000, at))
    given.push(...parts)
    for (const part of parts) frames.giveBack(part)
  }
  expect(given.filter(({ length }) => length === 0).length).toBeGreaterThan(50)
  expect(zstdDecompressSync(Buffer.concat(early)).equals(kept)).toBe(true)
  frames.release()
})

it('says how long a page is, as readers that take a page at once want it', async () => {
  const frames = new ZstdFrames(3)
  await frames.compress(page(1000, 0))
  const [frame = Buffer.of()] = await frames.compress(page(100_000, 1))
  // The descriptor's Frame_Content_Size_flag and Single_Segment_flag. @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.1
  const descriptor = frame[4] ?? 0
  expect(descriptor >> 6 > 0 || (descriptor & 0x20) !== 0).toBe(true)
})
