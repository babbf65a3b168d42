import { fileIOFor } from '@icebridge/fileio'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import type { Catalog } from '@icebridge/iceberg-core'
import { Journal, layoutFor } from '@icebridge/journal'
import { SqlServer, type SqlServerConfig, type TableName } from '@icebridge/sqlserver'
import { UpdateInsertMergeStrategy, UpsertMergeStrategy } from '@icebridge/sqlserver-import'
import { IncrementalSyncCoordinator, type CoordinatorOptions, type TableSync } from '@icebridge/sync'
import { FileWatermarkStore } from '@icebridge/watermarks'
import type { Config, TableRule } from './config/load.ts'
import { matches } from './config/table-pattern.ts'
import { parseSelector, type TableSelector } from './config/table-selector.ts'
import { catalogExists, openCatalog } from './open-catalog.ts'
import { tableSync } from './table-sync.ts'
import { UsageError } from './usage-error.ts'

/** One table of the configuration. Nothing is opened before it is asked for. */
export interface ConfiguredTable {
  /** As a person names it: `erp.dbo.orders`, and ` → dwh` when it has a target. */
  readonly label: string
  readonly source: string
  readonly targetName: string | undefined
  readonly sync: TableSync
  /** What keeps the table in step. Connects to the source, and to the target when it is used. */
  readonly coordinator: () => Promise<IncrementalSyncCoordinator>
  /** The table's journal, for which no server is needed; undefined when there is none yet. */
  readonly journal: () => Promise<Journal | undefined>
}

export interface TableChoice {
  /** Whether coordinators get the targets. */
  readonly targets: boolean
  /** Take a name without wildcards as it is, without asking the source whether a pattern of the configuration takes it. */
  readonly offline?: boolean
}

/** Opens what a configuration names, each thing once and only when it is needed; closes it all at the end. */
export class Composition implements AsyncDisposable {
  readonly #config: Config
  readonly #signal: AbortSignal
  readonly #servers = new Map<string, Promise<SqlServer>>()
  readonly #tableNames = new Map<string, Promise<readonly TableName[]>>()
  readonly #coordinators = new Map<string, Promise<IncrementalSyncCoordinator>>()
  #catalog: Promise<Catalog> | undefined
  #watermarks: Promise<FileWatermarkStore> | undefined

  constructor(config: Config, signal: AbortSignal) {
    this.#config = config
    this.#signal = signal
  }

  /**
   * The configured tables that the given names or patterns take, all of them when none is given. The first entry that takes a
   * table for a target decides its settings. Throws `UsageError` for a name that takes no table.
   */
  async tables(wanted: readonly string[], choice: TableChoice): Promise<readonly ConfiguredTable[]> {
    const selectors = wanted.map((text) => {
      const parsed = parseSelector(text)
      if (typeof parsed === 'string') throw new UsageError(`${text}: ${parsed}`)
      return parsed
    })
    const used = new Set<TableSelector>()
    const found = new Map<string, ConfiguredTable>()
    for (const rule of this.#config.tables) {
      const relevant = selectors.filter(({ source }) => source === undefined || source === rule.source)
      if (selectors.length > 0 && relevant.length === 0) continue
      for (const table of await this.#tablesOf(rule, relevant, choice.offline === true)) {
        const takers = relevant.filter(({ pattern }) => matches(pattern, table))
        for (const taker of takers) used.add(taker)
        if (selectors.length > 0 && takers.length === 0) continue
        const configured = this.#configured(rule, table, choice)
        if (!found.has(configured.label)) found.set(configured.label, configured)
      }
    }
    const unused = selectors.filter((selector) => !used.has(selector)).map(({ text }) => text)
    if (unused.length > 0) throw new UsageError(`No configured table is called ${unused.join(', ')}.`)
    return [...found.values()]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const servers = await Promise.allSettled(this.#servers.values())
    await Promise.allSettled(
      servers.map(async (server) => (server.status === 'fulfilled' ? await server.value.close() : undefined)),
    )
    await (await this.#catalog?.catch(() => undefined))?.[Symbol.asyncDispose]()
    await (await this.#watermarks?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }

  #configured(rule: TableRule, table: TableName, { targets }: TableChoice): ConfiguredTable {
    const { source, target } = rule
    return {
      label: `${source}.${table.schema}.${table.name}${target === undefined ? '' : ` → ${target}`}`,
      source,
      targetName: target,
      sync: tableSync(rule, table),
      coordinator: () => this.#coordinator(source, targets ? target : undefined),
      journal: () => this.#journal(source, table),
    }
  }

  async #tablesOf(
    rule: TableRule,
    selectors: readonly TableSelector[],
    offline: boolean,
  ): Promise<readonly TableName[]> {
    const { pattern, exclude, source } = rule
    if (pattern.exact !== undefined) return [pattern.exact]
    const takes = (table: TableName): boolean =>
      matches(pattern, table) && !exclude.some((excluded) => matches(excluded, table))
    const exact = selectors.flatMap((selector) => selector.pattern.exact ?? [])
    if (offline && selectors.length > 0 && exact.length === selectors.length) return exact.filter(takes)
    const tables = (await this.#discovered(source)).filter(takes)
    if (tables.length === 0) throw new UsageError(`${pattern.text} takes no table of source ${source}.`)
    return tables
  }

  #discovered(source: string): Promise<readonly TableName[]> {
    return once(this.#tableNames, source, async () => {
      const server = await this.#server(`source ${source}`, this.#sourceConfig(source))
      return await server.discoverTables({ signal: this.#signal })
    })
  }

  #coordinator(source: string, target: string | undefined): Promise<IncrementalSyncCoordinator> {
    return once(this.#coordinators, JSON.stringify([source, target]), async () => {
      const watermarks = await this.#watermarkStore()
      return new IncrementalSyncCoordinator({
        source: { name: source, server: await this.#server(`source ${source}`, this.#sourceConfig(source)) },
        ...(target === undefined ? {} : { target: await this.#target(target) }),
        lake: {
          catalog: await this.#openCatalog(),
          io: fileIOFor,
          formatVersion: this.#config.warehouse.formatVersion,
          ...(this.#config.warehouse.namespace === undefined ? {} : { namespace: this.#config.warehouse.namespace }),
        },
        ...(watermarks === undefined ? {} : { watermarks }),
        environment: systemEnvironment,
      })
    })
  }

  async #target(name: string): Promise<NonNullable<CoordinatorOptions['target']>> {
    const target = this.#config.targets.get(name)
    if (target === undefined) throw new UsageError(`There is no target ${name}.`)
    const { merge, lockTimeoutMs, bulk } = target.settings
    return {
      name,
      server: await this.#server(`target ${name}`, target.server),
      merge: merge === 'update-insert' ? new UpdateInsertMergeStrategy() : new UpsertMergeStrategy(),
      ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
      ...(bulk === undefined ? {} : { bulk }),
    }
  }

  async #journal(source: string, table: TableName): Promise<Journal | undefined> {
    if (!catalogExists(this.#config)) return undefined
    const layout = layoutFor({
      source,
      table,
      database: this.#sourceConfig(source).database,
      template: this.#config.warehouse.namespace,
    })
    const lake = { catalog: await this.#openCatalog(), io: fileIOFor, environment: systemEnvironment }
    return await Journal.open(lake, { namespace: layout.namespace, name: layout.journalName }, { signal: this.#signal })
  }

  #sourceConfig(name: string): SqlServerConfig {
    const config = this.#config.sources.get(name)
    if (config === undefined) throw new UsageError(`There is no source ${name}.`)
    return config
  }

  #server(key: string, config: SqlServerConfig): Promise<SqlServer> {
    return once(this.#servers, key, async () => {
      try {
        return await SqlServer.connect(config, { signal: this.#signal })
      } catch (error) {
        // A message of the driver does not know which of the servers it is about.
        if (error instanceof Error) error.message = `${key}: ${error.message}`
        throw error
      }
    })
  }

  #openCatalog(): Promise<Catalog> {
    this.#catalog ??= openCatalog(this.#config, this.#signal)
    return this.#catalog
  }

  async #watermarkStore(): Promise<FileWatermarkStore | undefined> {
    const file = this.#config.watermarkFile
    if (file === undefined) return undefined
    this.#watermarks ??= FileWatermarkStore.open(file)
    return await this.#watermarks
  }
}

function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const existing = made.get(key)
  if (existing !== undefined) return existing
  const created = make()
  made.set(key, created)
  return created
}
