import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileWatermarkStore } from '@icebridge/watermarks'
import type { WatermarkStoreFixture } from '@icebridge/watermarks/testing'

export interface Folder {
  readonly path: string
  [Symbol.asyncDispose](): Promise<void>
}

export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'icebridge-watermarks-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export async function fileFixture(): Promise<WatermarkStoreFixture> {
  const folder = await temporaryFolder()
  return {
    open: () => FileWatermarkStore.open(join(folder.path, 'watermarks.json')),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

export interface Writer {
  /** Names whose writes have returned so far. */
  acknowledged(): readonly string[]
  kill(): void
  readonly exit: Promise<{ code: number | null; signal: string | null; stderr: string }>
}

/** A process of its own that writes `count` records one after the other. */
export function startWriter(path: string, prefix: string, count: number): Writer {
  const script = fileURLToPath(new URL('writer.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, path, prefix, String(count)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  return {
    acknowledged: () =>
      out
        .slice(0, out.lastIndexOf('\n') + 1)
        .split('\n')
        .filter((name) => name !== ''),
    kill: () => child.kill('SIGKILL'),
    exit: new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stderr }))),
  }
}
