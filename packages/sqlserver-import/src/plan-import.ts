import { formatSqlType, keyOf } from '@icebridge/sqlserver'
import type { ColumnDefinition, KeyDefinition, TableDefinition } from '@icebridge/sqlserver'
import { compareCollations } from './collation.ts'
import { createdDefinition } from './create-target.ts'
import type { ImportColumn, ImportNote, ImportPlan, ImportPlanOptions, ImportProblem } from './import-plan.ts'
import { maxKeyBytes } from './sql-type.ts'
import { stageProblems } from './stage-limits.ts'
import { straightVerdict } from './straight-verdict.ts'
import { typeVerdict } from './type-verdict.ts'

/**
 * Compares a source's recorded definition with a target's and says, column by column, what will be written. Pure.
 * Without a target definition the plan is for the table that would be created.
 */
export function planImport(
  source: TableDefinition,
  target: TableDefinition | undefined,
  options: ImportPlanOptions = {},
): ImportPlan {
  const into = target ?? createdDefinition(source, options.target ?? source.table, options)
  const problems: ImportProblem[] = []
  const notes: ImportNote[] = []
  const key = planKey(source, into, problems)
  const columns = source.columns.map((column) => planColumn(column, into, key, options, problems, notes))
  checkKeyColumns(columns, into, problems, notes)
  checkTable(into, problems, notes)
  checkOtherColumns(columns, into, problems, notes)
  checkIdentity(columns, into, problems)
  problems.push(...stageProblems(columns))
  return {
    source: source.table,
    target: into.table,
    columns,
    key: key?.columns.map((column) => column.name) ?? [],
    cutAnywhere: !into.secondaryUniqueIndexes && into.foreignKeys === 0,
    straight: straightVerdict(into, columns, { fireTriggers: options.fireTriggers ?? false }),
    problems,
    notes,
  }
}

/** The target's key that has the columns of the source's key; the primary key is preferred. */
function planKey(
  source: TableDefinition,
  target: TableDefinition,
  problems: ImportProblem[],
): KeyDefinition | undefined {
  const sourceKey = keyOf(source)
  if (sourceKey === undefined) {
    problems.push({
      code: 'no-key',
      message: 'the source has neither a primary key nor an unfiltered unique index over NOT NULL columns',
      hint: 'Give the source table a primary key.',
    })
    return undefined
  }
  const wanted = sourceKey.columns.map((column) => targetColumn(target, column.name)?.name)
  const candidates = target.keys.filter((key) => isUsable(key, target))
  const key = candidates.find(
    ({ columns }) => columns.length === wanted.length && columns.every((column) => wanted.includes(column.name)),
  )
  if (key === undefined) {
    const names = sourceKey.columns.map((column) => column.name).join(', ')
    problems.push({
      code: candidates.length === 0 ? 'no-key' : 'no-matching-key',
      message: `the target has no primary key or unfiltered unique index over just (${names}), all NOT NULL`,
      hint: `Create a primary key or a unique index on (${names}) in the target.`,
    })
  }
  return key
}

function isUsable(key: KeyDefinition, table: TableDefinition): boolean {
  if (key.filtered) return false
  return key.columns.every(({ name }) => table.columns.some((column) => column.name === name && !column.nullable))
}

/** A column by its exact name, else by its name in another letter case if only one column has it. */
function targetColumn(target: TableDefinition, name: string): ColumnDefinition | undefined {
  const same = target.columns.find((column) => column.name === name)
  if (same !== undefined) return same
  const alike = target.columns.filter((column) => column.name.toLowerCase() === name.toLowerCase())
  return alike.length === 1 ? alike[0] : undefined
}

function planColumn(
  source: ColumnDefinition,
  into: TableDefinition,
  key: KeyDefinition | undefined,
  options: ImportPlanOptions,
  problems: ImportProblem[],
  notes: ImportNote[],
): ImportColumn {
  const target = targetColumn(into, source.name)
  const isKey = target !== undefined && key !== undefined && key.columns.some((column) => column.name === target.name)
  const skipped = skipReason(source, target, isKey, options)
  if (skipped !== undefined) {
    notes.push({ code: 'skipped-column', column: source.name, message: `not written: ${skipped}` })
    return { verdict: 'skipped', source, target, reason: skipped }
  }
  if (target === undefined) {
    const reason = 'the target has no such column'
    problems.push({
      code: 'missing-column',
      column: source.name,
      message: reason,
      hint: `Add it to the target as ${formatSqlType(createdType(source))}, or name it in skipColumns.`,
    })
    return { verdict: 'refused', source, target, reason }
  }
  const verdict = typeVerdict(source, target)
  if (verdict.verdict === 'refused') {
    problems.push({
      code: 'different-type',
      column: source.name,
      message: verdict.reason,
      hint: `Make the target column ${formatSqlType(createdType(source))}, or name it in skipColumns.`,
    })
    return { verdict: 'refused', source, target, reason: verdict.reason }
  }
  if (source.nullable && !target.nullable) {
    problems.push({
      code: 'not-null',
      column: source.name,
      message: 'it may be NULL in the source and is NOT NULL in the target',
      hint: 'Make the target column nullable.',
    })
  }
  if (verdict.verdict === 'exact') return { verdict: 'exact', source, target, key: isKey }
  const loss = `${formatSqlType(target.type)} in the target would lose ${verdict.loss}`
  if (options.allowLoss?.includes(source.name) === true && !isKey) {
    notes.push({ code: 'declared-loss', column: source.name, message: loss })
  } else {
    problems.push({
      code: isKey ? 'key-not-exact' : 'narrower-column',
      column: source.name,
      message: loss,
      hint: isKey
        ? `Make the target column ${formatSqlType(createdType(source))}: a key must be exact.`
        : `Make the target column ${formatSqlType(createdType(source))}, or name it in allowLoss.`,
    })
  }
  return { verdict: 'narrowed', source, target, key: isKey, loss }
}

type SkipReason = Extract<ImportColumn, { verdict: 'skipped' }>['reason']

function skipReason(
  source: ColumnDefinition,
  target: ColumnDefinition | undefined,
  isKey: boolean,
  options: ImportPlanOptions,
): SkipReason | undefined {
  if (!isKey && options.skipColumns?.includes(source.name) === true) return 'declared'
  if (target?.computed !== undefined) return 'computed'
  if (target?.rowversion === true) return 'rowversion'
  return target?.generatedAlways === undefined ? undefined : 'generated-always'
}

/** The type that a created target has for the column. */
function createdType(source: ColumnDefinition): ColumnDefinition['type'] {
  return source.rowversion ? { name: 'binary', length: 8 } : source.type
}

function checkKeyColumns(
  columns: readonly ImportColumn[],
  into: TableDefinition,
  problems: ImportProblem[],
  notes: ImportNote[],
): void {
  for (const column of columns) {
    if (column.verdict === 'refused' || column.verdict === 'skipped' || !column.key) continue
    const { source, target } = column
    if (source.collation === undefined || target.collation === undefined) continue
    if (source.collation === target.collation) continue
    const order = compareCollations(target.collation, source.collation)
    if (order === 'same') {
      notes.push({
        code: 'key-collation-family',
        column: source.name,
        message: `the key is ${source.collation} in the source and ${target.collation} in the target; rules for rare characters may differ`,
      })
      continue
    }
    const what =
      order === 'finer'
        ? 'a key that changes only in what the source does not tell apart would leave its old row behind'
        : 'keys that the source tells apart would be one row'
    problems.push({
      code: 'key-collation',
      column: source.name,
      message: `the target's collation ${target.collation} is ${order === 'mixed' ? 'different' : order} than the source's ${source.collation}: ${what}`,
      hint: `Give the target's key column the collation ${source.collation}.`,
    })
  }
  const clustered = into.keys.find((key) => key.clustered)
  const bytes = (clustered?.columns ?? []).reduce((sum, { name }) => {
    const column = into.columns.find((candidate) => candidate.name === name)
    return sum + (column === undefined ? 0 : maxKeyBytes(column.type))
  }, 0)
  if (bytes > 900) {
    notes.push({
      code: 'wide-clustered-key',
      message: `the clustered key may take ${bytes} bytes; SQL Server refuses rows whose key takes more than 900`,
    })
  }
}

function checkTable(into: TableDefinition, problems: ImportProblem[], notes: ImportNote[]): void {
  if (into.rowFilter) {
    problems.push({
      code: 'row-filter',
      message: 'a row-level security predicate may hide rows of the target from the merge',
      hint: 'Exempt the login of the import from the security policy by giving it a table without one, or disable the policy.',
    })
  }
  if (into.memoryOptimized) {
    problems.push({
      code: 'memory-optimized',
      message: 'a memory-optimized table takes neither MERGE nor the locks that keep a merge right',
      hint: 'Apply into a disk-based table.',
    })
  }
  if (into.triggers)
    notes.push({ code: 'triggers', message: 'triggers of the target run in the transaction of each unit' })
  if (into.temporal)
    notes.push({ code: 'temporal', message: 'each update and delete writes a row to the history table' })
}

/**
 * A row whose identity value changed under its key is deleted and inserted again, since SQL Server updates no identity column. A
 * foreign key that cascades would take the children with it.
 */
function checkIdentity(columns: readonly ImportColumn[], into: TableDefinition, problems: ImportProblem[]): void {
  if ((into.cascadingForeignKeys ?? 0) === 0) return
  for (const column of columns) {
    if (column.verdict === 'refused' || column.verdict === 'skipped') continue
    if (column.key || column.target.identity === undefined) continue
    problems.push({
      code: 'identity-cascade',
      column: column.source.name,
      message:
        'a changed identity value is written by deleting the row and inserting it again, and a foreign key that points at the target would delete or change its children',
      hint: 'Name the column in skipColumns, or make the foreign keys that point at the target ON DELETE NO ACTION.',
    })
  }
}

function checkOtherColumns(
  columns: readonly ImportColumn[],
  into: TableDefinition,
  problems: ImportProblem[],
  notes: ImportNote[],
): void {
  const known = new Set(columns.map((column) => column.target?.name))
  const written = new Set(
    columns.flatMap((column) =>
      column.verdict === 'exact' || column.verdict === 'narrowed' ? [column.target.name] : [],
    ),
  )
  for (const column of into.columns) {
    if (written.has(column.name)) {
      if (column.identity !== undefined) {
        notes.push({
          code: 'identity-insert',
          column: column.name,
          message: 'its values are written under IDENTITY_INSERT, which needs ALTER permission on the target',
        })
      }
      continue
    }
    const fillsItself =
      column.nullable ||
      column.defaultExpression !== undefined ||
      column.identity !== undefined ||
      column.computed !== undefined ||
      column.rowversion ||
      column.generatedAlways !== undefined
    const refused = columns.some((each) => each.verdict === 'refused' && each.target?.name === column.name)
    if (refused) continue
    if (!fillsItself) {
      problems.push({
        code: 'required-column',
        column: column.name,
        message: 'it is NOT NULL in the target, has no default, and nothing is written to it',
        hint: 'Give the target column a default, or make it nullable.',
      })
    } else if (!known.has(column.name)) {
      notes.push({
        code: 'extra-column',
        column: column.name,
        message: 'the target keeps a column that the source does not have',
      })
    }
  }
}
