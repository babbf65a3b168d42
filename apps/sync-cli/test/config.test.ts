import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig, parseConfig, type Config } from '../src/config/load.ts'
import { ConfigError } from '../src/config/problems.ts'

const folder = mkdtempSync(join(tmpdir(), 'icebridge-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const smallest = `version: 1
sources:
  erp:
    server: sql.example.com
    database: ERP
    user: sync
    password: \${env:ERP_PASSWORD}
warehouse:
  location: lake
tables:
  - source: erp
    table: dbo.orders
`
const env = { ERP_PASSWORD: 'pa$$w0rd' }

function parse(text: string, variables: Readonly<Record<string, string>> = env): Config {
  return parseConfig(text, { file: join(folder, 'sync.yaml'), env: variables })
}

/** `line:column: path: message` of every problem. */
function problemsOf(text: string, variables: Readonly<Record<string, string>> = env): string[] {
  try {
    parse(text, variables)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n').map((line) => line.slice(join(folder, 'sync.yaml:').length))
  }
  return []
}

test('fills in secrets, defaults and absolute paths', () => {
  const config = parse(smallest)
  expect(config.sources.get('erp')).toEqual({
    server: 'sql.example.com',
    database: 'ERP',
    user: 'sync',
    password: 'pa$$w0rd',
  })
  expect(config.warehouse).toEqual({
    catalog: { kind: 'sqlite', path: join(folder, 'lake', 'catalog.db'), location: join(folder, 'lake') },
    name: 'icebridge',
    namespace: undefined,
    formatVersion: 2,
    properties: {},
  })
  expect(config).toMatchObject({ watermarkFile: undefined, parallel: 2, tables: [{ source: 'erp', settings: {} }] })
})

test('how a table is loaded is put together from the defaults and its own settings', () => {
  const text = smallest.replace('tables:\n', 'defaults:\n  load: { chunkRows: 5, isolation: snapshot }\ntables:\n')
  const config = parse(`${text}    load: { chunkRows: 7, connections: 3 }\n`)
  expect(config.tables[0]?.settings.load).toEqual({ chunkRows: 7, connections: 3, isolation: 'snapshot' })
  expect(problemsOf(`${smallest}    load: { chunkrows: 7, connections: 0, isolation: none }\n`)).toEqual([
    '13:13: tables[0].load.chunkrows: is not a setting; did you mean `chunkRows`?',
    '13:27: tables[0].load.connections: must be 1 or more',
    '13:43: tables[0].load.isolation: expected `auto` or `read-committed` or `snapshot`',
  ])
})

test('how rows are bulk loaded is a setting of the target, which way a first load goes one of the table', () => {
  const text = smallest.replace(
    'tables:\n',
    'targets:\n  dwh: { connection: "Server=s;Database=d", bulk: { batchRows: 5, fireTriggers: true } }\ntables:\n',
  )
  const config = parse(`${text}    target: dwh\n    straightLoad: never\n`)
  expect(config.targets.get('dwh')?.settings.bulk).toEqual({ batchRows: 5, fireTriggers: true })
  expect(config.targets.get('dwh')?.server).not.toHaveProperty('bulk')
  expect(config.tables[0]?.settings.straightLoad).toBe('never')
})

test('relative paths start from the folder of a file that is named relatively', () => {
  const config = parseConfig(smallest, { file: 'conf/sync.yaml', env })
  expect(config.warehouse.catalog).toMatchObject({ location: resolve('conf/lake') })
})

test('takes a lake in an object store with a catalog in PostgreSQL or a local file', () => {
  const at = (catalog: string): string =>
    smallest.replace(
      '  location: lake',
      `  location: s3://bucket/lake\n${catalog}  properties: { s3.endpoint: 'http://s3' }`,
    )
  expect(parse(at('  catalog: { postgres: { url: postgresql://db/lake } }\n')).warehouse).toMatchObject({
    catalog: { kind: 'postgres', url: 'postgresql://db/lake', location: 's3://bucket/lake' },
    properties: { 's3.endpoint': 'http://s3' },
  })
  expect(parse(at('  catalog: state/catalog.db\n')).warehouse.catalog).toEqual({
    kind: 'sqlite',
    path: join(folder, 'state', 'catalog.db'),
    location: 's3://bucket/lake',
  })
  expect(problemsOf(at(''))).toEqual([
    expect.stringMatching(/^8:1: warehouse: `catalog` is missing: an object store has no place for a SQLite file/),
  ])
})

test('takes a REST catalog, which says itself where tables go', () => {
  const rest = (settings: string): string => smallest.replace('  location: lake', `  catalog: { rest: ${settings} }`)
  const oauth2 = 'oauth2: { clientId: me, clientSecret: it, scope: all }'
  expect(parse(rest(`{ uri: https://c, warehouse: w, ${oauth2} }`)).warehouse.catalog).toEqual({
    kind: 'rest',
    uri: 'https://c',
    warehouse: 'w',
    auth: { oauth2: { clientId: 'me', clientSecret: 'it', scope: 'all' } },
  })
  expect(parse(rest('{ uri: https://c, token: t }')).warehouse.catalog).toEqual({
    kind: 'rest',
    uri: 'https://c',
    auth: { token: 't' },
  })
  expect(problemsOf(rest(`{ uri: https://c, token: t, ${oauth2} }`))).toEqual([
    expect.stringContaining('warehouse.catalog.rest.token: give either `token` or `oauth2`'),
  ])
  expect(problemsOf(`${rest('{ uri: https://c }').replace('catalog:', 'location: lake\n  catalog:')}`)).toEqual([
    expect.stringContaining('warehouse.location: a REST catalog decides itself where its tables go'),
  ])
})

test('a table has the defaults and its own settings over them', () => {
  const text = smallest.replace('tables:\n', 'defaults:\n  timestamps: micros\n  maxUnitRows: 5\ntables:\n')
  const [rule] = parse(
    `${text}    maxUnitRows: 7\n    strategy: { timestamp: { column: changed_at, clock: utc } }\n`,
  ).tables
  expect(rule?.settings).toEqual({
    timestamps: 'micros',
    maxUnitRows: 7,
    strategy: { timestamp: { column: 'changed_at', clock: 'utc' } },
  })
})

test('reads secrets from files without their last line break, and takes $${ as it is', () => {
  writeFileSync(join(folder, 'password'), 'two\nlines\r\n')
  const fromFile = parse(smallest.replace('${env:ERP_PASSWORD}', '${file:password}'))
  expect(fromFile.sources.get('erp')?.password).toBe('two\nlines')
  const mixed = parse(smallest.replace('${env:ERP_PASSWORD}', () => 'a$${b}-${env:ERP_PASSWORD}'))
  expect(mixed.sources.get('erp')?.password).toBe('a${b}-pa$$w0rd')
})

test('what a secret holds is not expanded again', () => {
  const config = parse(smallest, { ERP_PASSWORD: '${env:OTHER}', OTHER: 'no' })
  expect(config.sources.get('erp')?.password).toBe('${env:OTHER}')
})

test('names secrets that are missing, with their place', () => {
  expect(problemsOf(smallest, {})).toEqual(['7:5: sources.erp.password: environment variable ERP_PASSWORD is not set'])
  expect(problemsOf(smallest.replace('${env:ERP_PASSWORD}', '${file:absent}'))).toEqual([
    '7:5: sources.erp.password: file absent cannot be read',
  ])
  expect(problemsOf(smallest.replace('${env:', '${'))).toEqual([
    '7:5: sources.erp.password: ${ERP_PASSWORD} is neither ${env:NAME} nor ${file:PATH}',
  ])
})

test('tells the place of an unknown key and the nearest known one', () => {
  expect(problemsOf(smallest.replace('    database', '    databse'))).toEqual([
    '3:3: sources.erp: `database` is missing (or give `connection`, an ADO string)',
    '5:5: sources.erp.databse: is not a setting; did you mean `database`?',
  ])
  expect(problemsOf(`${smallest}    stratgy: auto\n`)).toEqual([
    '13:5: tables[0].stratgy: is not a setting; did you mean `strategy`?',
  ])
  expect(problemsOf(smallest.replace('warehouse:', 'Warehouse:'))).toEqual([
    '1:1: warehouse: is missing (a mapping of keys)',
    '8:1: Warehouse: is not a setting; did you mean `warehouse`?',
  ])
  expect(problemsOf(smallest.replace('  location: lake', '  location: lake\n  zzz: 1'))).toEqual([
    '10:3: warehouse.zzz: is not a setting here; known: location, catalog, name, namespace, formatVersion, properties',
  ])
  expect(problemsOf(`${smallest}    strategy: { timestamp: { colum: a, column: a } }\n`)).toEqual([
    '13:30: tables[0].strategy.timestamp.colum: is not a setting; did you mean `column`?',
  ])
})

test('tells wrong types and values, without quoting them', () => {
  const wrong = smallest.replace('    server:', '    port: "1433"\n    encrypt: maybe\n    server:')
  expect(problemsOf(wrong)).toEqual([
    '4:5: sources.erp.port: expected a number',
    '5:5: sources.erp.encrypt: expected `true`, `false` or `strict`',
  ])
  expect(problemsOf(`${smallest}    timestamps: nanos\n    maxUnitRows: 0\n    createTarget: 1\n`)).toEqual([
    '13:5: tables[0].timestamps: expected `exact` or `micros`',
    '14:5: tables[0].maxUnitRows: must be 1 or more',
    '15:5: tables[0].createTarget: expected `true` or `false`',
  ])
  expect(problemsOf(`${smallest}    strategy: newest\n`)).toEqual([
    '13:5: tables[0].strategy: expected `auto`, `rowversion` or `{ timestamp: { column: NAME } }`',
  ])
  expect(problemsOf(smallest.replace('version: 1', 'version: 2'))).toEqual([
    '1:1: version: expected `1`, the only version of this format',
  ])
  expect(problemsOf(smallest.replace('  - source: erp\n    table: dbo.orders', '  erp: dbo.orders'))).toEqual([
    '10:1: tables: expected a list',
  ])
  expect(problemsOf(smallest.replace('  erp:', '  my erp:').replace('source: erp', 'source: my erp'))).toEqual([
    '3:3: sources.my erp: a source is named with letters, digits, _ and -',
  ])
  expect(problemsOf('')).toEqual(['1:1: expected a mapping of keys'])
})

test('tells duplicate keys, tabs and other malformed YAML with their places', () => {
  expect(problemsOf(smallest.replace('    user:', '    server: other\n    user:'))).toEqual([
    '6:5: the key stands twice in this mapping',
  ])
  expect(problemsOf(smallest.replace('    server:', '\tserver:'))[0]).toBe(
    '4:1: a tab is not allowed as indentation; use spaces',
  )
  expect(problemsOf(smallest.replace('database: ERP', 'database: "ERP'))[0]).toMatch(/^\d+:\d+: .*quote/)
})

test('tells names that are not configured, and names of tables that are none', () => {
  const text = smallest
    .replace('source: erp', 'source: epr')
    .replace('dbo.orders', 'orders\n    target: dwh\n    targetTable: dbo.*\n    exclude: ["a.b.c"]')
  expect(problemsOf(text)).toEqual([
    '11:5: tables[0].source: there is no source `epr`; did you mean `erp`?',
    '12:5: tables[0].table: expected `schema.table`, got 1 part; put names that contain a dot in brackets',
    '13:5: tables[0].target: there is no target `dwh`; no targets are configured',
    '14:5: tables[0].targetTable: must not have wildcards; use {schema} and {table}',
    '15:15: tables[0].exclude[0]: expected `schema.table`, got 3 parts; put names that contain a dot in brackets',
  ])
  expect(problemsOf(smallest.replace('source: erp', 'source: constructor'))).toEqual([
    '11:5: tables[0].source: there is no source `constructor`; known: erp',
  ])
})

test('never shows what a secret holds', () => {
  const secret = 'hunter2-hunter2'
  const broken = [
    smallest.replace('    server:', '    port: ${env:ERP_PASSWORD}\n    encrypt: ${env:ERP_PASSWORD}\n    server:'),
    smallest.replace(
      'dbo.orders',
      'dbo.orders\n    strategy: ${env:ERP_PASSWORD}\n    timestamps: ${env:ERP_PASSWORD}',
    ),
    smallest.replace('version: 1', 'version: ${env:ERP_PASSWORD}'),
  ]
  for (const text of broken) {
    const problems = problemsOf(text, { ERP_PASSWORD: secret })
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.join('\n')).not.toContain(secret)
  }
})

test('a file that is not there is told by its name', () => {
  expect(() => loadConfig(join(folder, 'absent.yaml'), {})).toThrow(/absent\.yaml:1:1: there is no such file/)
  expect(() => loadConfig(folder, {})).toThrow(/cannot be read/)
})

test('takes a connection string, with further settings beside it', () => {
  const source =
    '    connection: Server=tcp:db,1444;Database=ERP;User Id=sync;Password=${env:ERP_PASSWORD}\n    maxConnections: 3\n'
  const config = parse(smallest.replace(/    server[\s\S]*PASSWORD}\n/, () => source))
  expect(config.sources.get('erp')).toEqual({
    server: 'db',
    port: 1444,
    database: 'ERP',
    user: 'sync',
    password: 'pa$$w0rd',
    maxConnections: 3,
  })
})

test('tells what is wrong with a connection string without showing it', () => {
  const secret = 'hunter2-hunter2'
  const text = smallest.replace(/    server[\s\S]*PASSWORD}\n/, () => '    connection: ${env:ERP}\n')
  for (const connection of [`Server=a;Database=b;Pasword=${secret}`, `Server=a;Password=${secret}`, secret]) {
    const [problem, ...others] = problemsOf(text, { ERP: connection })
    expect(others).toEqual([])
    expect(problem).toMatch(/^4:5: sources\.erp\.connection: /)
    expect(problem).not.toContain(secret)
  }
  expect(problemsOf(smallest.replace('    server:', '    connection: Server=a;Database=b\n    server:'))).toEqual([
    '5:5: sources.erp.server: give either `connection` or single fields',
  ])
})
