import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileIOFor } from '@icebridge/fileio'

const lake = await mkdtemp(join(tmpdir(), 'lake-'))
const io = fileIOFor(lake, {})

const writer = await io.create(`${lake}/notes/hello.txt`)
try {
  await writer.write(new TextEncoder().encode('hello, lake'))
  await writer.close() // only now does the file exist, whole and flushed
} catch (error) {
  await writer.abort()
  throw error
}

const bytes = await io.read(`${lake}/notes/hello.txt`, { range: { start: 0, end: 5 } })
console.log(new TextDecoder().decode(bytes)) // hello
