import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { parseConnectionString, type SqlServerConfig } from '@icebridge/sqlserver'
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { ConfigError, Positions, type ConfigProblem } from './problems.ts'
import {
  configSchema,
  type ConfigFile,
  type ConnectionSettings,
  type TableEntry,
  type TargetSettings,
} from './schema.ts'
import { expandSecrets, type SecretSource } from './secrets.ts'
import { parseTablePattern, type TablePattern } from './table-pattern.ts'

/** A configuration ready for use: secrets filled in, paths absolute, names parsed. */
export interface Config {
  readonly file: string
  readonly sources: ReadonlyMap<string, SqlServerConfig>
  readonly targets: ReadonlyMap<string, { readonly server: SqlServerConfig; readonly settings: TargetSettings }>
  readonly warehouse: {
    readonly location: string
    readonly catalog: string
    readonly name: string
    readonly namespace: string | undefined
    readonly formatVersion: 2 | 3
  }
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
  } catch {
    throw new ConfigError(file, [{ line: 1, column: 1, path: '', message: 'the file cannot be read' }])
  }
  return parseConfig(text, { file: resolve(file), env })
}

/** As `loadConfig`, from text. Relative paths start from the folder of `file`. */
export function parseConfig(
  text: string,
  options: { readonly file: string; readonly env: Readonly<Record<string, string | undefined>> },
): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const positions = new Positions(document, lines)
  if (document.errors.length > 0) {
    throw new ConfigError(
      options.file,
      document.errors.map((error) => positions.at(error.pos[0], error.message)),
    )
  }
  const problems: ConfigProblem[] = []
  const secrets: SecretSource = { env: options.env, folder: dirname(options.file) }
  const value = expandAll(document.toJS(), [], (path, found) => {
    const expanded = expandSecrets(found, secrets)
    problems.push(...expanded.missing.map((message) => positions.problem(path, message)))
    return expanded.value
  })
  const parsed = configSchema.safeParse(value)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => describeIssue(issue, positions)))
  if (problems.length > 0 || !parsed.success) throw new ConfigError(options.file, inOrder(problems))
  const config = resolveConfig(parsed.data, options.file, (path, message) => {
    problems.push(positions.problem(path, message))
  })
  if (problems.length > 0) throw new ConfigError(options.file, inOrder(problems))
  return config
}

type Complain = (path: readonly PropertyKey[], message: string) => void

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
    if (data.sources[source] === undefined)
      complain([...at, 'source'], unknownName('source', source, Object.keys(data.sources)))
    if (target !== undefined && data.targets?.[target] === undefined) {
      complain([...at, 'target'], unknownName('target', target, Object.keys(data.targets ?? {})))
    }
    const pattern = parseTablePattern(table)
    if (typeof pattern === 'string') complain([...at, 'table'], pattern)
    const excluded = (exclude ?? []).flatMap((text, n) => {
      const parsed = parseTablePattern(text)
      if (typeof parsed !== 'string') return [parsed]
      complain([...at, 'exclude', n], parsed)
      return []
    })
    if (typeof pattern === 'string') return []
    return [{ source, pattern, exclude: excluded, target, targetTable, settings: { ...defaults, ...own } }]
  })
  const location = absolute(data.warehouse.location)
  return {
    file,
    sources,
    targets,
    warehouse: {
      location,
      catalog:
        data.warehouse.catalog === undefined ? resolve(location, 'catalog.db') : absolute(data.warehouse.catalog),
      name: data.warehouse.name ?? 'icebridge',
      namespace: data.warehouse.namespace,
      formatVersion: data.warehouse.formatVersion ?? 2,
    },
    watermarkFile: data.watermarks === undefined ? undefined : absolute(data.watermarks.file),
    parallel: parallel ?? 2,
    tables,
  }
}

function serverConfig(
  settings: ConnectionSettings & { readonly merge?: unknown; readonly lockTimeoutMs?: unknown },
  path: readonly PropertyKey[],
  complain: Complain,
): SqlServerConfig | undefined {
  const { connection, server, database, instance, domain, merge: _merge, lockTimeoutMs: _lock, ...rest } = settings
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
    ...(domain === undefined
      ? {}
      : {
          authentication: {
            type: 'ntlm',
            options: { domain, userName: rest.user ?? '', password: rest.password ?? '' },
          },
        }),
  }
}

function describeIssue(issue: z.core.$ZodIssue, positions: Positions): readonly ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => positions.problem([...issue.path, key], 'is not a setting of this place'))
  }
  return [positions.problem(issue.path, issue.message)]
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
  return `there is no ${kind} \`${name}\`; ${known.length === 0 ? `no ${kind}s are configured` : `known: ${known.join(', ')}`}`
}

function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
}
