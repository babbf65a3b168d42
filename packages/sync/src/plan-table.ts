import { ChangeDetectionError } from '@icebridge/change-detection'
import { checkLayout, Journal, planJournal, type JournalLayout, type Lake as JournalLake } from '@icebridge/journal'
import { exactReading, keyOf, type SqlServer, type TableDefinition } from '@icebridge/sqlserver'
import { planImport } from '@icebridge/sqlserver-import'
import { describeTarget, importOptions } from './apply.ts'
import { SyncError, type SyncProblem } from './errors.ts'
import { chooseStrategy } from './extract.ts'
import { planReads } from './read/plan-reads.ts'
import { tableText } from './names.ts'
import type { TablePlan } from './plan.ts'
import type { TableSync } from './table-sync.ts'

/** Finds every problem of a table at once, and each column's verdict. Reads the source, the lake and the target; writes nothing. */
export async function planTable(
  context: {
    readonly source: SqlServer
    readonly target: SqlServer | undefined
    readonly lake: JournalLake
    readonly layout: JournalLayout
  },
  table: TableSync,
  options: { readonly signal?: AbortSignal },
): Promise<TablePlan> {
  const { layout } = context
  const definition = await context.source.describeTable(table.table, options)
  const journal = await Journal.open(context.lake, { namespace: layout.namespace, name: layout.journalName }, options)
  const lakePlan = planJournal(
    definition,
    journal?.typeOptions ?? {
      ...(table.timestamps === undefined ? {} : { timestamps: table.timestamps }),
      ...(table.time === undefined ? {} : { time: table.time }),
    },
  )
  const problems: SyncProblem[] = [...checkLayout([layout]), ...lakePlan.problems]
  const notes = lakePlan.columns.flatMap(({ column, note }) => (note === undefined ? [] : [`${column.name}: ${note}`]))
  const { reason } = exactReading()
  if (reason !== undefined) notes.push(`the server converts values that the driver would round: ${reason}`)
  let strategy: string | undefined
  try {
    const chosen = chooseStrategy(table.strategy ?? { kind: 'auto' }, definition)
    strategy = chosen.name
    if (!chosen.detectsDeletes)
      notes.push(`${chosen.name} finds no deletes: rows deleted in the source stay in the target`)
    const reads = planReads(table.load, { identity: context.source.identity, table: definition, strategy: chosen })
    problems.push(...reads.problems.map((problem) => ({ ...problem, table: tableText(table.table) })))
    notes.push(reads.note)
  } catch (error) {
    if (error instanceof SyncError) problems.push(...error.problems)
    else if (error instanceof ChangeDetectionError) {
      problems.push({ code: error.code, table: tableText(table.table), message: error.message, hint: error.hint ?? '' })
    } else throw error
  }
  const replacing = table.loneSurrogates === 'replace' ? replacedColumns(definition) : new Set<string>()
  const targetName = table.target ?? table.table
  const target = context.target === undefined ? undefined : await describeTarget(context.target, targetName, options)
  const targetVerdicts = new Map<string, string>()
  if (context.target !== undefined) {
    const plan = planImport(definition, target, importOptions(table))
    problems.push(...plan.problems.map((problem) => ({ ...problem, table: tableText(targetName) })))
    notes.push(...plan.notes.map((note) => note.message))
    for (const column of plan.columns) {
      if (column.verdict === 'narrowed') targetVerdicts.set(column.source.name, `target narrower: ${column.loss ?? ''}`)
      if (column.verdict === 'refused') targetVerdicts.set(column.source.name, `refused: ${column.reason}`)
      if (column.verdict === 'skipped') targetVerdicts.set(column.source.name, `not written: ${column.reason}`)
    }
  }
  return {
    strategy,
    journal: { name: [...layout.namespace, layout.journalName].join('.'), exists: journal !== undefined },
    target: context.target === undefined ? undefined : { name: tableText(targetName), exists: target !== undefined },
    columns: lakePlan.columns.map(({ column, sqlType, icebergType, verdict, loss }) => ({
      name: column.name,
      sqlType,
      icebergType,
      verdict: [
        verdict === 'loses' ? `loses ${loss ?? ''}` : replacing.has(column.name) ? loneSurrogateVerdict : verdict,
        targetVerdicts.get(column.name),
      ]
        .filter((part) => part !== undefined)
        .join('; '),
    })),
    problems,
    notes,
  }
}

const loneSurrogateVerdict = 'exact but for halves of surrogate pairs, which become U+FFFD'

/** Columns that can hold half of a surrogate pair and are not of the key: Unicode text, and sql_variant, which may hold some. */
function replacedColumns(table: TableDefinition): ReadonlySet<string> {
  const key = keyOf(table)
  const isKey = (name: string): boolean => key?.columns.some((column) => column.name === name) === true
  const types = ['nchar', 'nvarchar', 'ntext', 'sql_variant']
  return new Set(table.columns.flatMap(({ name, type }) => (types.includes(type.name) && !isKey(name) ? [name] : [])))
}
