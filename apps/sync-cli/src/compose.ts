import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileIOFor } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { SqlServer, type TableName } from '@icebridge/sqlserver'
import { UpdateInsertMergeStrategy, UpsertMergeStrategy } from '@icebridge/sqlserver-import'
import { IncrementalSyncCoordinator, type TableSync } from '@icebridge/sync'
import { FileWatermarkStore } from '@icebridge/watermarks'
import type { Config, TableRule } from './config/load.ts'
import { matches, parseTablePattern } from './config/table-pattern.ts'
import { UsageError } from './usage-error.ts'

/** One table of the configuration, with the coordinator that keeps it in step. */
export interface ConfiguredTable {
  /** As a person names it: `erp.dbo.orders`, and ` → dwh` when it has a target. */
  readonly label: string
  readonly source: string
  readonly targetName: string | undefined
  readonly sync: TableSync
  readonly coordinator: IncrementalSyncCoordinator
}

/** Opens what a configuration names, each thing once and only when it is needed; closes it all at the end. */
export class Composition implements AsyncDisposable {
  readonly #config: Config
  readonly #signal: AbortSignal
  readonly #servers = new Map<string, Promise<SqlServer>>()
  readonly #coordinators = new Map<string, IncrementalSyncCoordinator>()
  #catalog: Promise<SqlCatalog> | undefined
  #watermarks: Promise<FileWatermarkStore> | undefined

  constructor(config: Config, signal: AbortSignal) {
    this.#config = config
    this.#signal = signal
  }

  /**
   * The configured tables that the given names or patterns take, all of them when none is given. The first entry that takes a
   * table for a target decides its settings. Throws `UsageError` for a name that takes no table.
   */
  async tables(wanted: readonly string[], use: { readonly targets: boolean }): Promise<readonly ConfiguredTable[]> {
    const filters = wanted.map((text) => {
      const parsed = parseTablePattern(text)
      if (typeof parsed === 'string') throw new UsageError(`${text}: ${parsed}`)
      return { pattern: parsed, used: false }
    })
    const found = new Map<string, ConfiguredTable>()
    for (const rule of this.#config.tables) {
      for (const table of await this.#tablesOf(rule)) {
        const takers = filters.filter((filter) => matches(filter.pattern, table))
        for (const taker of takers) taker.used = true
        if (filters.length > 0 && takers.length === 0) continue
        const label = `${rule.source}.${table.schema}.${table.name}${rule.target === undefined ? '' : ` → ${rule.target}`}`
        if (found.has(label)) continue
        found.set(label, {
          label,
          source: rule.source,
          targetName: rule.target,
          sync: tableSync(rule, table),
          coordinator: await this.#coordinator(rule.source, use.targets ? rule.target : undefined),
        })
      }
    }
    const unused = wanted.filter((_, index) => filters[index]?.used === false)
    if (unused.length > 0) throw new UsageError(`No configured table is called ${unused.join(', ')}.`)
    return [...found.values()]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const servers = await Promise.allSettled(this.#servers.values())
    await Promise.all(servers.map((server) => (server.status === 'fulfilled' ? server.value.close() : undefined)))
    await (await this.#catalog?.catch(() => undefined))?.[Symbol.asyncDispose]()
    await (await this.#watermarks?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }

  async #tablesOf(rule: TableRule): Promise<readonly TableName[]> {
    if (rule.pattern.exact !== undefined) return [rule.pattern.exact]
    const source = await this.#source(rule.source)
    const tables = (await source.discoverTables()).filter(
      (table) => matches(rule.pattern, table) && !rule.exclude.some((pattern) => matches(pattern, table)),
    )
    if (tables.length === 0) throw new UsageError(`${rule.pattern.text} takes no table of source ${rule.source}.`)
    return tables
  }

  async #coordinator(source: string, target: string | undefined): Promise<IncrementalSyncCoordinator> {
    const key = `${source}\n${target ?? ''}`
    const existing = this.#coordinators.get(key)
    if (existing !== undefined) return existing
    const settings = target === undefined ? undefined : this.#config.targets.get(target)
    const watermarks = await this.#watermarkStore()
    const coordinator = new IncrementalSyncCoordinator({
      source: { name: source, server: await this.#source(source) },
      ...(target === undefined || settings === undefined
        ? {}
        : {
            target: {
              name: target,
              server: await this.#server(`target ${target}`, settings.server),
              merge:
                settings.settings.merge === 'update-insert'
                  ? new UpdateInsertMergeStrategy()
                  : new UpsertMergeStrategy(),
              ...(settings.settings.lockTimeoutMs === undefined
                ? {}
                : { lockTimeoutMs: settings.settings.lockTimeoutMs }),
            },
          }),
      lake: {
        catalog: await this.#openCatalog(),
        io: fileIOFor,
        formatVersion: this.#config.warehouse.formatVersion,
        ...(this.#config.warehouse.namespace === undefined ? {} : { namespace: this.#config.warehouse.namespace }),
      },
      ...(watermarks === undefined ? {} : { watermarks }),
      environment: systemEnvironment,
    })
    this.#coordinators.set(key, coordinator)
    return coordinator
  }

  #source(name: string): Promise<SqlServer> {
    const config = this.#config.sources.get(name)
    if (config === undefined) throw new UsageError(`There is no source ${name}.`)
    return this.#server(`source ${name}`, config)
  }

  #server(key: string, config: Parameters<typeof SqlServer.connect>[0]): Promise<SqlServer> {
    let server = this.#servers.get(key)
    if (server === undefined) {
      server = SqlServer.connect(config, { signal: this.#signal })
      this.#servers.set(key, server)
    }
    return server
  }

  #openCatalog(): Promise<SqlCatalog> {
    const { location, catalog, name } = this.#config.warehouse
    this.#catalog ??= (async () => {
      mkdirSync(location, { recursive: true })
      mkdirSync(dirname(catalog), { recursive: true })
      return SqlCatalog.openSqlite({
        name,
        path: catalog,
        warehouse: location,
        io: fileIOFor,
        environment: systemEnvironment,
      })
    })()
    return this.#catalog
  }

  async #watermarkStore(): Promise<FileWatermarkStore | undefined> {
    const file = this.#config.watermarkFile
    if (file === undefined) return undefined
    this.#watermarks ??= FileWatermarkStore.open(file)
    return this.#watermarks
  }
}

function tableSync(rule: TableRule, table: TableName): TableSync {
  const { strategy, ...settings } = rule.settings
  const target = rule.targetTable === undefined ? undefined : targetName(rule.targetTable, table)
  return {
    table,
    ...settings,
    ...(target === undefined ? {} : { target }),
    ...(strategy === undefined
      ? {}
      : {
          strategy:
            typeof strategy === 'string' ? { kind: strategy } : { kind: 'timestamp' as const, ...strategy.timestamp },
        }),
  }
}

function targetName(template: string, table: TableName): TableName {
  const bracketed = (name: string): string => `[${name.replaceAll(']', ']]')}]`
  const text = template
    .replaceAll('[{schema}]', bracketed(table.schema))
    .replaceAll('[{table}]', bracketed(table.name))
    .replaceAll('{schema}', table.schema)
    .replaceAll('{table}', table.name)
  const parsed = parseTablePattern(text)
  if (typeof parsed === 'string' || parsed.exact === undefined) {
    throw new UsageError(
      `targetTable ${template} is not a table name: ${typeof parsed === 'string' ? parsed : 'it has wildcards'}`,
    )
  }
  return parsed.exact
}
