import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { afterAll, expect, test } from 'vitest'
import { parseConfig } from '../src/config/load.ts'
import { configSchema } from '../src/config/schema.ts'
import { knownKeys } from '../src/config/suggest.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const example = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''

const folder = mkdtempSync(join(tmpdir(), 'icebridge-readme-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the example configuration is valid', () => {
  writeFileSync(join(folder, 'dwh-password'), 'Dwh-1\n')
  const config = parseConfig(example, {
    file: join(folder, 'sync.yaml'),
    env: { ERP_PASSWORD: 'Erp-1', CRM_CLIENT_SECRET: 'Crm-1' },
  })
  expect(config.targets.get('dwh')?.server).toMatchObject({ server: 'dwh.example.com', password: 'Dwh-1' })
  expect(config.tables.map(({ pattern }) => pattern.text)).toEqual(['dbo.orders', 'sales.*', 'dbo.accounts'])
  expect(config.tables[1]?.exclude[1]?.exact).toEqual({ schema: 'sales', name: 'odd.name]' })
})

test('the example configuration holds every key that there is', () => {
  const places: readonly (readonly [path: readonly string[], value: unknown])[] = [
    [[], parse(example)],
    ...['warehouse', 'watermarks', 'defaults'].map((key) => [[key], parse(example)[key]] as const),
    [['tables', '0'], Object.assign({}, ...parse(example).tables, parse(example).defaults)],
    [['tables', '0', 'strategy'], parse(example).tables[0].strategy],
    [['tables', '0', 'strategy', 'timestamp'], parse(example).tables[0].strategy.timestamp],
    [
      ['targets', 'x'],
      Object.assign({}, parse(example).sources.erp, parse(example).sources.cloud, parse(example).targets.dwh),
    ],
    [['sources', 'x', 'authentication'], parse(example).sources.cloud.authentication],
  ]
  // They would stand beside what excludes them, and are named in comments.
  const named = ['instance', 'domain']
  for (const [path, value] of places) {
    const known = knownKeys(configSchema, path)
    expect(known.length, path.join('.')).toBeGreaterThan(0)
    const held = Object.keys(value as object)
    expect([...held, ...named], path.join('.')).toEqual(expect.arrayContaining([...known]))
  }
  for (const key of named) expect(example).toContain(`${key}: `)
})
