import { fileIOFor } from '@icebridge/fileio'

/** Writes a file that appears whole or not at all, and reads its first bytes. */
export async function example(folder: string): Promise<string> {
  const io = fileIOFor(folder, {})
  const writer = await io.create(`${folder}/notes/hello.txt`)
  try {
    await writer.write(new TextEncoder().encode('hello, lake'))
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  const bytes = await io.read(`${folder}/notes/hello.txt`, { range: { start: 0, end: 5 } })
  return new TextDecoder().decode(bytes)
}
