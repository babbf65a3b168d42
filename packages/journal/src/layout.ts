import type { TableName } from '@icebridge/sqlserver'
import type { PlanProblem } from './errors.ts'

/** Where a source table's journal and mirror are in the lake. */
export interface JournalLayout {
  /** The source's name in the configuration. */
  readonly source: string
  readonly table: TableName
  /** Encoded as it stands in the catalog. */
  readonly namespace: readonly string[]
  readonly journalName: string
  readonly mirrorName: string
  /** The name of each namespace level before it was encoded. */
  readonly originalNamespace: readonly string[]
}

export interface LayoutOptions {
  /** The source's name in the configuration. */
  readonly source: string
  readonly table: TableName
  /** Levels apart by `/`, with the placeholders `{source}`, `{database}` and `{schema}`; by default one level, `{source}_{schema}`. */
  readonly template?: string | undefined
  /** What `{database}` stands for; the source's name when absent. */
  readonly database?: string | undefined
}

/** One level, because the catalogs of Glue, Hive and BigQuery take one. */
export const defaultTemplate = '{source}_{schema}'

/** What the journal of a table is called after it. */
export const journalSuffix = '__changes'

/** The layout of one table. Never throws: {@link checkLayout} says what is wrong with it. */
export function layoutFor(options: LayoutOptions): JournalLayout {
  const values: Readonly<Record<string, string>> = {
    source: options.source,
    database: options.database ?? options.source,
    schema: options.table.schema,
  }
  const levels = (options.template ?? defaultTemplate)
    .split('/')
    .map((level) => level.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole))
  const name = encodeName(options.table.name)
  return {
    source: options.source,
    table: options.table,
    namespace: levels.map(encodeName),
    originalNamespace: levels,
    journalName: `${name}${journalSuffix}`,
    mirrorName: name,
  }
}

/**
 * What keeps the tables from having a place of their own each in a lake; empty when all is well. Takes every table that
 * shares a catalog at once, since names meet.
 */
export function checkLayout(layouts: readonly JournalLayout[]): readonly PlanProblem[] {
  return [...layouts.flatMap(ownProblems), ...collisions(layouts)]
}

/** Characters outside `[A-Za-z0-9_-]` become the percent-encoded bytes of their UTF-8 form. Different names stay different. */
export function encodeName(name: string): string {
  // A lone surrogate has no UTF-8 form; SQL Server takes one in an identifier all the same.
  return name.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[^A-Za-z0-9_-]/g, (character) =>
    /^[\uD800-\uDFFF]$/.test(character)
      ? `%u${character.charCodeAt(0).toString(16).toUpperCase()}`
      : [...new TextEncoder().encode(character)].map((byte) => `%${hex(byte)}`).join(''),
  )
}

/** `schema.name`, as messages have it. */
export function tableLabel(table: TableName): string {
  return `${table.schema}.${table.name}`
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}

function ownProblems(layout: JournalLayout): readonly PlanProblem[] {
  const table = tableLabel(layout.table)
  const problems: PlanProblem[] = []
  for (const level of layout.originalNamespace) {
    const placeholder = /\{\w*\}/.exec(level)?.[0]
    if (placeholder !== undefined) {
      problems.push({
        code: 'unknown-placeholder',
        table,
        message: `the namespace template of ${table} has the unknown placeholder ${placeholder}`,
        hint: 'Use {source}, {database} and {schema}.',
      })
    }
    if (level === '') {
      problems.push({
        code: 'empty-name',
        table,
        message: `the namespace of ${table} has an empty level`,
        hint: 'Give the source a name and the template no empty level.',
      })
    }
  }
  if (layout.table.name.toLowerCase().endsWith(journalSuffix)) {
    problems.push({
      code: 'journal-name',
      table,
      message: `${table} is itself called like a journal: ${journalSuffix} at the end of a name is icebridge's`,
      hint: 'Leave the table out, or rename it in the source.',
    })
  }
  return problems
}

function collisions(layouts: readonly JournalLayout[]): readonly PlanProblem[] {
  const taken = new Map<string, JournalLayout>()
  const problems: PlanProblem[] = []
  for (const layout of layouts) {
    const place = [...layout.namespace, layout.mirrorName].join('\u001f').toLowerCase()
    const other = taken.get(place)
    if (other === undefined) {
      taken.set(place, layout)
      continue
    }
    const table = tableLabel(layout.table)
    const same =
      JSON.stringify(other.namespace) === JSON.stringify(layout.namespace) && other.mirrorName === layout.mirrorName
    problems.push({
      code: 'name-collision',
      table,
      message: `${table} of ${layout.source} and ${tableLabel(other.table)} of ${other.source} have ${same ? 'the same place' : 'places that differ only in case'} in the lake: ${[...layout.namespace, layout.mirrorName].join('.')}`,
      hint: 'Set a namespace template that keeps them apart, or leave one of them out: many engines ignore case.',
    })
  }
  return problems
}
