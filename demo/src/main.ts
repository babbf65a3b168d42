import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { demoArguments } from './arguments.ts'
import { openDemoServers } from './servers.ts'
import { tellStory } from './story.ts'

const { keep, docker } = demoArguments(process.argv.slice(2))
const lakeFolder = keep === undefined ? mkdtempSync(join(tmpdir(), 'icebridge-demo-')) : resolve(keep)
mkdirSync(lakeFolder, { recursive: true })
const say = (line: string): void => void process.stdout.write(`${line}\n`)
try {
  await using servers = await openDemoServers({ docker })
  say(`SQL Server: ${servers.description}`)
  const result = await tellStory({ source: servers.source, target: servers.target, lakeFolder, say })
  if (keep !== undefined) say(`The lake is in ${lakeFolder} (catalog: ${join(lakeFolder, 'catalog.db')})`)
  const verdict = result.verified ? 'verified' : 'DIFFERENT'
  say(`source ${result.sourceRows} · journal ${result.journalRows} · target ${result.targetRows} · ${verdict}`)
  const expected = result.sourceRows === 1100n && result.journalRows === 1150n && result.targetRows === 1100n
  if (!result.verified || !expected) process.exitCode = 1
} finally {
  if (keep === undefined) rmSync(lakeFolder, { recursive: true, force: true })
}
