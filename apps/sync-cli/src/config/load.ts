import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { parseConnectionString, type SqlServerConfig } from '@icebridge/sqlserver'
import { LineCounter, parseDocument } from 'yaml'
import { describeIssues } from './issues.ts'
import { ConfigError, Positions, type ConfigProblem } from './problems.ts'
import {
  configSchema,
  type ConfigFile,
  type ConnectionSettings,
  type TableEntry,
  type TargetSettings,
} from './schema.ts'
import { expandSecrets, type SecretSource } from './secrets.ts'
import { nearest } from './suggest.ts'
import { parseTablePattern, type TablePattern } from './table-pattern.ts'
import { resolveWarehouse, type Warehouse } from './warehouse.ts'

/** A configuration ready for use: secrets filled in, paths absolute, names parsed. */
export interface Config {
  readonly file: string
  readonly sources: ReadonlyMap<string, SqlServerConfig>
  readonly targets: ReadonlyMap<string, { readonly server: SqlServerConfig; readonly settings: TargetSettings }>
  readonly warehouse: Warehouse
  readonly watermarkFile: string | undefined
  readonly parallel: number
  readonly tables: readonly TableRule[]
}

/** One entry of `tables`, its defaults filled in. */
export interface TableRule {
  readonly source: string
  readonly pattern: TablePattern
  readonly exclude: readonly TablePattern[]
  readonly target: string | undefined
  readonly targetTable: string | undefined
  readonly settings: Omit<TableEntry, 'source' | 'table' | 'exclude' | 'target' | 'targetTable'>
}

/** Reads a configuration file. Throws `ConfigError` with the line and column of every mistake. */
export function loadConfig(file: string, env: Readonly<Record<string, string | undefined>>): Config {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const message = absent ? 'there is no such file' : 'the file cannot be read'
    throw new ConfigError(file, [{ line: 1, column: 1, path: '', message }])
  }
  return parseConfig(text, { file, env })
}

/** As `loadConfig`, from text. Relative paths start from the folder of `file`, which messages name as it is given. */
export function parseConfig(
  text: string,
  options: { readonly file: string; readonly env: Readonly<Record<string, string | undefined>> },
): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const positions = new Positions(document, lines)
  const malformed = [...document.errors, ...document.warnings]
  if (malformed.length > 0) {
    throw new ConfigError(
      options.file,
      inOrder(malformed.map((error) => positions.at(error.pos[0], yamlMessage(error.code, error.message)))),
    )
  }
  const problems: ConfigProblem[] = []
  const secrets: SecretSource = { env: options.env, folder: dirname(resolve(options.file)) }
  const value = expandAll(document.toJS(), [], (path, found) => {
    const expanded = expandSecrets(found, secrets)
    problems.push(...expanded.missing.map((message) => positions.problem(path, message)))
    return expanded.value
  })
  const parsed = configSchema.safeParse(value)
  if (!parsed.success) problems.push(...describeIssues(parsed.error.issues, configSchema, positions))
  if (problems.length > 0 || !parsed.success) throw new ConfigError(options.file, inOrder(problems))
  const config = resolveConfig(parsed.data, resolve(options.file), (path, message) => {
    problems.push(positions.problem(path, message))
  })
  if (problems.length > 0) throw new ConfigError(options.file, inOrder(problems))
  return config
}

/** Reports a mistake at a place of the file. */
export type Complain = (path: readonly PropertyKey[], message: string) => void

function resolveConfig(data: ConfigFile, file: string, complain: Complain): Config {
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(dirname(file), path))
  const sources = new Map<string, SqlServerConfig>()
  for (const [name, settings] of Object.entries(data.sources)) {
    const server = serverConfig(settings, ['sources', name], complain)
    if (server !== undefined) sources.set(name, server)
  }
  const targets = new Map<string, { server: SqlServerConfig; settings: TargetSettings }>()
  for (const [name, settings] of Object.entries(data.targets ?? {})) {
    const server = serverConfig(settings, ['targets', name], complain)
    if (server !== undefined) targets.set(name, { server, settings })
  }
  const { parallel, ...defaults } = data.defaults ?? {}
  const tables = data.tables.flatMap((entry, index): TableRule[] => {
    const { source, table, exclude, target, targetTable, ...own } = entry
    const at = ['tables', index]
    if (!Object.hasOwn(data.sources, source)) {
      complain([...at, 'source'], unknownName('source', source, Object.keys(data.sources)))
    }
    if (target !== undefined && !Object.hasOwn(data.targets ?? {}, target)) {
      complain([...at, 'target'], unknownName('target', target, Object.keys(data.targets ?? {})))
    }
    const pattern = parseTablePattern(table)
    if (typeof pattern === 'string') complain([...at, 'table'], pattern)
    if (targetTable !== undefined) {
      const name = parseTablePattern(targetTable)
      if (typeof name === 'string' || name.exact === undefined) {
        complain(
          [...at, 'targetTable'],
          typeof name === 'string' ? name : 'must not have wildcards; use {schema} and {table}',
        )
      }
    }
    const excluded = (exclude ?? []).flatMap((text, n) => {
      const parsed = parseTablePattern(text)
      if (typeof parsed !== 'string') return [parsed]
      complain([...at, 'exclude', n], parsed)
      return []
    })
    if (typeof pattern === 'string') return []
    const load = { ...defaults.load, ...own.load }
    const settings = { ...defaults, ...own, ...(Object.keys(load).length === 0 ? {} : { load }) }
    return [{ source, pattern, exclude: excluded, target, targetTable, settings }]
  })
  const warehouse = resolveWarehouse(data.warehouse, absolute, complain)
  return {
    file,
    sources,
    targets,
    warehouse,
    watermarkFile: data.watermarks === undefined ? undefined : absolute(data.watermarks.file),
    parallel: parallel ?? 2,
    tables,
  }
}

function serverConfig(
  settings: ConnectionSettings & {
    readonly merge?: unknown
    readonly lockTimeoutMs?: unknown
    readonly bulk?: unknown
  },
  path: readonly PropertyKey[],
  complain: Complain,
): SqlServerConfig | undefined {
  const {
    connection,
    server,
    database,
    instance,
    authentication,
    merge: _merge,
    lockTimeoutMs: _lock,
    bulk: _bulk,
    ...rest
  } = settings
  if (connection !== undefined) {
    try {
      return { ...parseConnectionString(connection), ...rest }
    } catch (error) {
      complain([...path, 'connection'], error instanceof Error ? error.message : 'not a connection string')
      return undefined
    }
  }
  if (server === undefined || database === undefined) return undefined
  return {
    server,
    database,
    ...rest,
    ...(instance === undefined ? {} : { instanceName: instance }),
    ...(authentication === undefined ? {} : { authentication: driverAuthentication(authentication) }),
  }
}

function driverAuthentication({
  type,
  options = {},
}: NonNullable<ConnectionSettings['authentication']>): NonNullable<SqlServerConfig['authentication']> {
  // The type is one of the driver's; which options it needs the driver checks when it connects.
  return { type, options } as NonNullable<SqlServerConfig['authentication']>
}

function yamlMessage(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'the key stands twice in this mapping'
  if (code === 'TAB_AS_INDENT') return 'a tab is not allowed as indentation; use spaces'
  return message
}

function expandAll(
  value: unknown,
  path: readonly PropertyKey[],
  expand: (path: readonly PropertyKey[], text: string) => string,
): unknown {
  if (typeof value === 'string') return expand(path, value)
  if (Array.isArray(value)) return value.map((item, index) => expandAll(item, [...path, index], expand))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandAll(item, [...path, key], expand)]))
}

function unknownName(kind: string, name: string, known: readonly string[]): string {
  if (known.length === 0) return `there is no ${kind} \`${name}\`; no ${kind}s are configured`
  const close = nearest(name, known)
  return `there is no ${kind} \`${name}\`; ${close === undefined ? `known: ${known.join(', ')}` : `did you mean \`${close}\`?`}`
}

function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
}
